import Foundation

/// One request, read whole.
struct APIRequest: Sendable {
    var method: String
    var target: String
    /// Names in lower case; the last of several fields of one name counts.
    var headers: [String: String]
    var body: Data
    /// Names of fields that came more than once.
    var repeated: Set<String> = []
    /// The client's address, without its port.
    var peer = ""

    init(method: String, target: String, headers: [String: String] = [:], body: Data = Data()) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    var path: String { String(target.prefix { $0 != "?" }) }

    func query(_ name: String) -> String? {
        URLComponents(string: target)?.queryItems?.first { $0.name == name }?.value
    }
}

/// What goes out, and how.
struct Answer: Sendable {
    enum Body: Sendable {
        case bytes(Data)
        case video(MediaFile)
        /// Some of a video's bytes: the answer to a request for a range.
        case part(MediaFile, Range<Int>)
        /// A JSON object of that many bytes with nothing to say.
        case filler(Int)
    }

    var status: Int
    var headers: [(name: String, value: String)]
    var body: Body
    var delivery = Delivery.plain
    /// The job that this answer concerns, told to the state when the answer has left whole or has failed to.
    var receipt: Receipt?
    /// False for the refusals that the error budget does not count.
    var countsAsFailure = true
    /// The wallet whose place among its requests under way this answer takes until it has left.
    var slot: String?
    /// Whether only the head is sent: the answer to HEAD.
    var omitsBody = false

    init(status: Int, headers: [(name: String, value: String)] = [], body: Data = Data()) {
        self.status = status
        self.headers = headers
        self.body = .bytes(body)
    }

    static func json(_ status: Int, _ value: JSONValue) -> Answer {
        Answer(status: status, headers: [("Content-Type", "application/json; charset=utf-8")], body: value.bytes)
    }

    /// The plainest error body, `{error}`.
    static func error(_ status: Int, _ message: String) -> Answer {
        .json(status, ["error": .string(message)])
    }

    func header(_ name: String) -> String? {
        headers.last { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The same without its body, as HEAD wants it.
    var headOnly: Answer {
        var answer = self
        answer.omitsBody = true
        answer.receipt = nil
        switch delivery {
        case .truncated, .stalled, .resetAfter, .drip, .chunked: answer.delivery = .plain
        case .plain, .late, .lost, .never: break
        }
        return answer
    }

    mutating func removeHeader(_ name: String) { headers.removeAll { $0.name.lowercased() == name.lowercased() } }

    mutating func setHeader(_ name: String, _ value: String) {
        removeHeader(name)
        headers.append((name, value))
    }
}

/// How an answer is put on the wire. Times here are real milliseconds, not scaled ones.
enum Delivery: Hashable, Sendable {
    case plain
    /// Nothing is sent for that long.
    case late(milliseconds: Int)
    /// The connection closes with no byte of an answer.
    case lost
    /// The connection stays open and silent until the client gives up, at most ten minutes.
    case never
    /// The whole length is announced, the connection closes after that many bytes of the body.
    case truncated(after: Int)
    /// As `truncated`, but then the connection stays open and silent.
    case stalled(after: Int)
    /// As `truncated`, but then the connection is reset.
    case resetAfter(Int)
    /// The body comes in pieces with a pause between them.
    case drip(bytes: Int, everyMilliseconds: Int)
    /// No Content-Length: the body comes chunked.
    case chunked
}

/// What the state wants to hear back once an answer's last byte was handed to the network, or could not be.
struct Receipt: Sendable {
    enum Kind: Sendable {
        case queued, video, terminal
        /// A range of a video that does not reach its end.
        case part
    }

    var kind: Kind
    var queueID: String
}
