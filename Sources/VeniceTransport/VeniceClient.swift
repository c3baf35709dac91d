import Failpoints
public import Foundation
public import HTTPTransport
public import VideoModels

/// The Venice video API, one method an endpoint. It sends each request once and repeats nothing by itself.
public struct VeniceClient: Sendable {
    public let account: VeniceAccount
    /// Where a `download_url` may point to.
    public var downloadHosts = DownloadHosts.venice
    public var timeouts = VeniceTimeouts()
    /// How a download that breaks goes on.
    public var downloadPolicy = DownloadPolicy()
    /// Waits between two tries of a download.
    public var clock: any Clock<Duration> = ContinuousClock()
    /// Hears of every answer's headers, good or bad, before the call returns: limits, balances, deprecations.
    public var observer: (@Sendable (VeniceEndpoint, _ status: Int, AnswerHeaders) -> Void)?
    /// To turn a moment in a header into a delay, and to date a wallet's signature.
    public var now: @Sendable () -> Date = { Date() }

    let http: any HTTPClient
    let serverClock = ServerClock()
    let gate = Gate(places: 5)

    public init(_ account: VeniceAccount, http: any HTTPClient) {
        self.account = account
        self.http = http
    }

    /// The longest JSON answer that is read; the list of models is longer than all others.
    static let answerLimit = 1 << 20
    static let modelsLimit = 8 << 20

    /// What each video model takes. With a key the list is the one of that key.
    public func models() async throws(VeniceError) -> ModelCatalogue {
        let answer = try await call(.models, "GET", "/models?type=video", limit: Self.modelsLimit)
        return try answer.read { ModelCatalogue($0) }
    }

    /// What a request would cost now. Reserves nothing; the price may move before the submission.
    public func quote(_ request: QuoteRequest) async throws(VeniceError) -> Money {
        let answer = try await call(.quote, "POST", "/video/quote", parts: request.parts)
        return try answer.read { Money(quote: $0) }
    }

    /// Asks for the upstream's copy to be removed. Best effort: false means that it did not say it did.
    ///
    /// At present the upstream answers 400 to every id (PROTOCOL §7), which is no reason to worry.
    @discardableResult
    public func complete(model: String, queueID: String) async throws(VeniceError) -> Bool {
        do throws(VeniceError) {
            let answer = try await call(.complete, "POST", "/video/complete", parts: Self.handle(model, queueID))
            return JSON(answer.body)?["success"]?.bool ?? false
        } catch {
            if case .gone = error { return false }
            throw error
        }
    }

    /// What the account may do and what it has left. Also the cheapest test of a key.
    public func rateLimits() async throws(VeniceError) -> AccountStatus {
        let answer = try await call(.rateLimits, "GET", "/api_keys/rate_limits")
        return try answer.read { AccountStatus($0) }
    }
}

extension VeniceClient {
    /// A successful answer, read whole.
    struct Answer {
        let endpoint: VeniceEndpoint
        let status: Int
        let headers: AnswerHeaders
        let body: [UInt8]

        /// - Throws: `unexpectedAnswer` when the body is no JSON, or not what `decode` looks for.
        func read<Value>(_ decode: (JSON) -> Value?) throws(VeniceError) -> Value {
            if let json = JSON(body), let value = decode(json) { return value }
            throw .unexpectedAnswer(
                VeniceEvidence(self, "cannot be read: " + String(decoding: body.prefix(200), as: UTF8.self)))
        }
    }

    /// Sends one small question and reads the answer.
    func call(
        _ endpoint: VeniceEndpoint, _ method: String, _ path: String, parts: [HTTPRequest.Part]? = nil,
        limit: Int = answerLimit
    ) async throws(VeniceError) -> Answer {
        if case .wallet = account.credential, RouteCredential(path: path) == .keyOnly {
            throw .operatorMustAct(
                VeniceEvidence(endpoint: endpoint, message: "needs an API key; a wallet is not read here"))
        }
        return try await whole(
            endpoint, open(endpoint, request(method, path, parts: parts, timeouts.call)), limit: limit)
    }

    /// Reads a success to its end.
    func whole(
        _ endpoint: VeniceEndpoint, _ response: HTTPResponse, limit: Int = answerLimit
    ) async throws(VeniceError) -> Answer {
        let headers = AnswerHeaders(response.headers)
        do throws(HTTPClientError) {
            let body = try await response.body.collect(upTo: limit)
            Failpoint.reach(.body, of: endpoint.rawValue)
            return Answer(endpoint: endpoint, status: response.status, headers: headers, body: body)
        } catch {
            throw VeniceError(endpoint, error, status: response.status, headers: headers)
        }
    }

    /// Sends a request and returns a 2xx with its body still to come; anything else is read and thrown.
    ///
    /// A wallet's signature that came too late, too early or a second time is made once more: the question does no harm
    /// twice. Not for a paid submission, whose every answer is journalled before another request leaves.
    func open(_ endpoint: VeniceEndpoint, _ request: HTTPRequest) async throws(VeniceError) -> HTTPResponse {
        switch try await attempt(endpoint, request) {
        case .success(let response): return response
        case .failure(let error):
            guard error.asksForNewSignature, let again = signedAnew(request) else { throw error }
            return try await attempt(endpoint, again).get()
        }
    }

    /// One try: a 2xx is a success, another answer a failure, no answer is thrown.
    private func attempt(
        _ endpoint: VeniceEndpoint, _ request: HTTPRequest
    ) async throws(VeniceError) -> Result<HTTPResponse, VeniceError> {
        let link = LinkSecret(request)
        let response: HTTPResponse
        Failpoint.reach(.sending, of: endpoint.rawValue)
        do throws(HTTPClientError) { response = try await exchange(request) } catch {
            throw VeniceError(endpoint, error, link: link)
        }
        Failpoint.reach(.head, of: endpoint.rawValue)
        let headers = Self.headers(response, link)
        observer?(endpoint, response.status, headers)
        guard !(200..<300).contains(response.status) else { return .success(response) }
        // The status says enough where the body cannot be had.
        let body = (try? await response.body.collect(upTo: Self.answerLimit)) ?? []
        return .failure(
            VeniceError(endpoint, status: response.status, headers: headers, body: body, now: now(), link: link))
    }

    static func headers(_ response: HTTPResponse, _ link: LinkSecret?) -> AnswerHeaders {
        let headers = AnswerHeaders(response.headers)
        return link?.strike(headers) ?? headers
    }

    /// A request to the API with the account's credential on it.
    func request(
        _ method: String, _ path: String, parts: [HTTPRequest.Part]? = nil, _ timeouts: HTTPTimeouts
    ) -> HTTPRequest {
        var request = HTTPRequest(method, account.baseURL + path, timeouts: timeouts)
        request.headers.add("Accept", "application/json")
        if let parts {
            request.headers.add("Content-Type", "application/json")
            request.body = .parts(parts)
        }
        authorize(&request, path: path)
        return request
    }

    /// The body that names a job.
    static func handle(_ model: String, _ queueID: String, deleteMedia: Bool = false) -> [HTTPRequest.Part] {
        var body = RequestBody()
        body.add("model", model)
        body.add("queue_id", queueID)
        body.add("delete_media_on_completion", deleteMedia ? true : nil)
        return body.parts
    }
}
