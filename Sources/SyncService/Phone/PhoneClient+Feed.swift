public import FeedSync
import HTTPTransport
import VideoModels

extension PhoneClient: FeedTransport {
    public func send(_ request: FeedRequest) async throws(FeedClientError) -> FeedResponse {
        var headers = HTTPHeaders()
        for (name, value) in request.headers.sorted(by: { $0.key < $1.key }) { headers.add(name, value) }
        var sent = self.request("GET", request.path, query: request.query, headers: headers)
        sent.timeouts.firstByte = .seconds(60) + request.patience
        if request.isStream {
            // Its silences are the client's to judge, and an event must not wait in a decoder for the next one.
            sent.timeouts.idle = nil
            sent.acceptsCompression = false
        }
        do { return FeedResponse(try await http.send(sent)) } catch { throw FeedClientError(error) }
    }
}

extension FeedResponse {
    fileprivate init(_ response: HTTPResponse) {
        var headers: [String: String] = [:]
        for field in response.headers.fields { headers[field.name.lowercased()] = field.value }
        let reader = BodyChunks(response.body)
        self.init(
            status: response.status, headers: headers,
            body: FeedBody(
                next: { () async throws(FeedClientError) in try await reader.next() }, close: { response.body.close() })
        )
    }
}

/// The chunks of an answer, with the errors that the feed speaks of.
private struct BodyChunks: Sendable {
    private let body: HTTPResponseBody

    init(_ body: HTTPResponseBody) { self.body = body }

    func next() async throws(FeedClientError) -> [UInt8]? {
        var chunks = body.makeAsyncIterator()
        do { return try await chunks.next() } catch { throw FeedClientError(error) }
    }
}

extension FeedClientError {
    fileprivate init(_ error: HTTPClientError) {
        switch PhoneClientError(error) {
        case .invalidServer(let what), .file(_, let what), .corrupted(let what): self = .unusable(what)
        case .unexpected(let what): self = .unexpected(what)
        case .unreachable(let what, _): self = .unreachable(what)
        case .problem(let problem, let pause): self = .problem(problem, retryAfter: pause.map { .seconds($0) })
        }
    }
}

extension PhoneClientError {
    /// The same trouble, as the other calls of the phone's API tell it.
    public init(_ error: FeedClientError) {
        switch error {
        case .problem(let problem, let pause): self = .problem(problem, retryAfter: pause.map { $0 / .seconds(1) })
        case .unreachable(let what): self = .unreachable(what, nothingSent: false)
        case .unexpected(let what): self = .unexpected(what)
        case .unusable(let what): self = .invalidServer(what)
        }
    }
}
