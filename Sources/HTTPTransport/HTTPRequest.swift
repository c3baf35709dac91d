/// One request, and how to carry it: nothing is followed, repeated or added that is not named here.
public struct HTTPRequest: Sendable {
    public var method: String
    public var url: String
    public var headers: HTTPHeaders
    public var body: Body
    public var timeouts: HTTPTimeouts

    /// Opens a connection for this request alone, closes it afterwards, and never writes the request a second time.
    ///
    /// On a kept connection that the server has meanwhile closed, libcurl sends the request again by itself, even a POST.
    /// A request that must not arrive twice sets this.
    public var freshConnection = false

    /// Offers gzip, br and the like. Off for files, whose announced length then is the real one. A body that comes encoded
    /// all the same is handed out decoded.
    public var acceptsCompression = true

    /// The URL itself is a credential, such as a signed link: descriptions show scheme and host alone.
    public var isURLSecret = false

    /// Any other scheme is refused before anything is sent.
    public var allowedSchemes: Set<String> = ["https", "http"]

    public init(
        _ method: String, _ url: String, headers: HTTPHeaders = [:], body: Body = .none,
        timeouts: HTTPTimeouts = HTTPTimeouts()
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeouts = timeouts
    }

    /// What follows the header block. Its length is known before it is sent, so that it travels with a `Content-Length`.
    public enum Body: Sendable, Hashable {
        case none
        case bytes([UInt8])
        /// Written one after the other; files are read while they are sent, a block at a time.
        case parts([Part])
    }

    public enum Part: Sendable, Hashable {
        case bytes([UInt8])
        /// The file at `path`, which must keep its size until the request is through.
        case file(path: String, encoding: Encoding = .raw)
        /// These bytes of the file at `path`, which must not change until the request is through.
        case slice(path: String, Range<Int64>)

        public enum Encoding: Sendable, Hashable {
            case raw
            /// Padded base64 without line breaks.
            case base64
        }
    }
}

extension HTTPRequest: CustomStringConvertible, CustomReflectable {
    /// Method, address and headers without anything secret: no query, no user information, no credentials, no body.
    public var description: String { "\(method) \(shownURL) \(headers)" }
    public var customMirror: Mirror { Mirror(self, children: ["request": description]) }

    private var shownURL: String {
        guard let parsed = try? HTTPURL(url) else { return "‹unreadable URL›" }
        return parsed.origin + (isURLSecret ? "/‹redacted›" : parsed.path)
    }
}

/// How long to wait, each measured on its own. Nil waits for ever.
public struct HTTPTimeouts: Sendable, Hashable {
    /// Name, connection and TLS handshake.
    public var connect: Duration
    /// From the last byte of the request to the first of the answer.
    public var firstByte: Duration?
    /// Between two pieces of progress while a body travels, either way. A reader who takes his time does not count.
    public var idle: Duration?
    /// From the call, queueing included, to the last byte of the body.
    public var total: Duration?

    public init(
        connect: Duration = .seconds(10), firstByte: Duration? = .seconds(60), idle: Duration? = .seconds(30),
        total: Duration? = nil
    ) {
        self.connect = connect
        self.firstByte = firstByte
        self.idle = idle
        self.total = total
    }
}
