/// How much one server takes from its clients, and how long it waits for them.
///
/// Every wait and every buffer of the server is bounded by one of these; what goes past one is answered with a problem
/// document (status in brackets) and the connection is closed.
public struct HTTPServerLimits: Hashable, Sendable {
    /// Bytes of the request target, the part between method and version. [414]
    public var targetBytes = 8 << 10
    /// Bytes of the request line and all header fields together. [431]
    public var headerBytes = 32 << 10
    /// Header fields in a request. [431]
    public var headerFields = 100
    /// Bytes of a body, unless a route allows itself more or less (`RequestBody.limited(to:)`). [413]
    public var bodyBytes: Int64 = 1 << 20
    /// Open connections, all together. [503]
    public var connections = 20_000
    /// Open connections from one address; behind a trusted proxy, requests under way of one client. [503]
    public var connectionsPerAddress = 256
    /// How long a connection may rest between requests. Then it is closed without a word.
    public var idle: Duration = .seconds(75)
    /// From the first byte of a request until its header is complete. [408]
    public var header: Duration = .seconds(15)
    /// How long we wait for `bodyProgressBytes` more of a body. Only time counts in which we are ready to take it. [408]
    public var bodyProgress: Duration = .seconds(20)
    public var bodyProgressBytes = 4 << 10
    /// How long a client may leave a piece of an answer (at most 1 MiB) untaken. Then the connection is closed.
    public var writeProgress: Duration = .seconds(60)
    /// How long an answer may still be on its way to a device that has lost its access. Then the connection is closed.
    public var goodbye: Duration = .seconds(1)
    /// After a last answer: how long, and for how many bytes, we listen for what the client was still sending, because a
    /// connection that is closed on unread bytes takes the answer with it.
    public var linger: Duration = .seconds(2)
    public var lingerBytes = 1 << 20
    /// What is left of a body that the handler did not want may be this long, or the connection is closed.
    public var discardedBodyBytes: Int64 = 64 << 10

    public init() {}
}
