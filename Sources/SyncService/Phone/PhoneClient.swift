import Foundation
public import HTTPTransport
public import VideoModels

/// The phone's API as typed Swift, one method an endpoint; each call is one request unless it says otherwise.
///
/// The CLI and the tests use it; an app may read it as a worked example.
public struct PhoneClient: Sendable {
    let server: String
    let token: Redacted<String>
    let http: any HTTPClient

    /// The most that an answer in JSON may have. A page of 500 changes with long prompts stays below.
    static let answerLimit = 32 << 20

    /// - Parameter server: Where the API is, such as `http://127.0.0.1:8080`; a path in front of `/v1` may follow.
    public init(server: String, token: Redacted<String>, http: any HTTPClient) throws(PhoneClientError) {
        let usable = try Self.read(server)
        guard !token.reveal().isEmpty, token.reveal().utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw .invalidServer("the token must be visible ASCII without spaces, as `tokens issue` printed it")
        }
        self.server = usable.text
        self.token = token
        self.http = http
    }

    /// Speaks through libcurl, and through the environment's proxy unless the server is this machine.
    public init(server: String, token: Redacted<String>) throws(PhoneClientError) {
        var configuration = CurlHTTPClient.Configuration()
        if try Self.read(server).isLocal { configuration.proxy = .none }
        try self.init(server: server, token: token, http: CurlHTTPClient(configuration))
    }

    private static func read(_ server: String) throws(PhoneClientError) -> (text: String, isLocal: Bool) {
        guard let url = try? HTTPURL(server), ["http", "https"].contains(url.scheme),
            server.allSatisfy({ $0 != "?" && $0 != "#" })
        else {
            throw .invalidServer(
                "the server's address must look like http://127.0.0.1:8080 or https://video.example.com")
        }
        let text = server.hasSuffix("/") ? String(server.dropLast()) : server
        return (text, url.host == "localhost" || url.host == "[::1]" || url.host.hasPrefix("127."))
    }

    // MARK: - jobs

    /// What a request would cost. Nothing is reserved.
    public func quote(_ request: VideoRequest) async throws(PhoneClientError) -> Quote {
        try await ask("POST", "/v1/quotes", sending: ["request": request])
    }

    /// Asks for a video. The same key with the same submission is one job, however often it is sent.
    public func submit(
        _ submission: JobSubmission, idempotencyKey: String
    ) async throws(PhoneClientError) -> JobDetail {
        try await ask("POST", "/v1/jobs", sending: submission, headers: ["Idempotency-Key": idempotencyKey])
    }

    public func job(_ id: JobID) async throws(PhoneClientError) -> JobDetail {
        try await ask("GET", "/v1/jobs/\(id)")
    }

    public func cancel(_ id: JobID) async throws(PhoneClientError) -> JobDetail {
        try await ask("POST", "/v1/jobs/\(id)/cancel")
    }

    /// What a person decides about a job that needs attention.
    public enum Decision: String, Sendable, CaseIterable, Encodable {
        case resubmit
        case agree
        case giveUp = "give_up"
    }

    /// - Parameter job: as it was looked at: a choice is about its `attention.revision`, and about nothing that came later.
    public func decide(_ decision: Decision, on job: Job) async throws(PhoneClientError) -> JobDetail {
        struct Body: Encodable {
            var decision: Decision
            var revision: Int64?
        }
        return try await ask(
            "POST", "/v1/jobs/\(job.id)/decision",
            sending: Body(decision: decision, revision: job.attention?.revision))
    }

    public func models() async throws(PhoneClientError) -> [VideoModel] {
        struct Answer: Decodable { var models: [VideoModel] }
        return try await (ask("GET", "/v1/models") as Answer).models
    }

    // MARK: - the feed

    /// A page of the feed: a snapshot without a cursor, otherwise what changed since. Waits up to `wait` seconds for news.
    public func changes(
        cursor: String? = nil, wait: Int = 0, limit: Int? = nil
    ) async throws(PhoneClientError) -> ChangePage {
        var query = ["wait": String(max(0, wait))]
        query["cursor"] = cursor
        query["limit"] = limit.map(String.init)
        return try await ask("GET", "/v1/changes", query: query, patience: .seconds(wait))
    }

    // MARK: - one request

    /// Sends and decodes. `patience` is added to the time that the answer may take.
    func ask<Answer: Decodable>(
        _ method: String, _ path: String, query: [String: String] = [:], sending body: (any Encodable)? = nil,
        headers: HTTPHeaders = [:], patience: Duration = .zero
    ) async throws(PhoneClientError) -> Answer {
        var request = request(method, path, query: query, headers: headers)
        request.timeouts.firstByte = .seconds(60) + patience
        if let body {
            guard let data = try? Wire.encode(body) else { throw .unexpected("the request cannot be written as JSON") }
            request.headers["Content-Type"] = "application/json"
            request.body = .bytes(Array(data))
        }
        return try decode(try await bytes(of: try await send(request)))
    }

    func request(
        _ method: String, _ path: String, query: [String: String] = [:], headers: HTTPHeaders = [:]
    ) -> HTTPRequest {
        let items = query.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.escaped($0.value))" }
        let url = server + path + (items.isEmpty ? "" : "?" + items.joined(separator: "&"))
        var request = HTTPRequest(method, url, headers: headers)
        request.headers["Authorization"] = "Bearer \(token.reveal())"
        if request.headers["Accept"] == nil { request.headers["Accept"] = "application/json" }
        return request
    }

    /// Returns an answer of the 200s, or throws the problem that another one tells.
    func send(_ request: HTTPRequest) async throws(PhoneClientError) -> HTTPResponse {
        let response: HTTPResponse
        do { response = try await http.send(request) } catch { throw PhoneClientError(error) }
        return try await accept(response)
    }

    func accept(_ response: HTTPResponse) async throws(PhoneClientError) -> HTTPResponse {
        guard !(200...299).contains(response.status) else { return response }
        throw await problem(in: response)
    }

    private func bytes(of response: HTTPResponse) async throws(PhoneClientError) -> [UInt8] {
        do { return try await response.body.collect(upTo: Self.answerLimit) } catch { throw PhoneClientError(error) }
    }

    func decode<Answer: Decodable>(_ bytes: [UInt8]) throws(PhoneClientError) -> Answer {
        do { return try Wire.decode(Answer.self, from: Data(bytes)) } catch {
            throw .unexpected("the answer is not what this version of gondola expects: \(Self.words(for: error))")
        }
    }

    private func problem(in response: HTTPResponse) async -> PhoneClientError {
        let retryAfter = response.headers["Retry-After"].flatMap { Double($0) }.map { max(0, $0) }
        guard let bytes = try? await response.body.collect(upTo: 1 << 20),
            let problem = try? Wire.decode(Problem.self, from: Data(bytes))
        else { return .unexpected("status \(response.status) without a problem that gondola would write") }
        return .problem(problem, retryAfter: retryAfter)
    }

    /// Everything but letters, digits and `-._~` as `%XX`.
    private static func escaped(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }

    private static func words(for error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "\(key.stringValue) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            context.codingPath.map(\.stringValue).joined(separator: ".") + ": " + context.debugDescription
        default: "not readable"
        }
    }
}
