import Foundation

/// Something that goes wrong on purpose: which calls it meets, and what happens to them.
///
/// As JSON: `{"match": {"endpoint": "queue", "nth": 2}, "action": {"lose_answer": {}}}`.
public struct Fault: Hashable, Sendable, Codable {
    /// Which calls are met. Calls that do not match are not counted.
    public struct Match: Hashable, Sendable, Codable {
        /// Any endpoint when it is left out.
        public var endpoint: Endpoint?
        /// The first matching call that is met, counted from 1 since the injection; 1 when it is left out.
        public var nth: Int?
        /// How many matching calls in a row are met: 1 when it is left out, 0 for all from then on.
        public var count: Int?
        /// Only calls whose body names this model.
        public var model: String?

        public init(endpoint: Endpoint? = nil, nth: Int? = nil, count: Int? = nil, model: String? = nil) {
            self.endpoint = endpoint
            self.nth = nth
            self.count = count
            self.model = model
        }
    }

    /// What happens. Times are real milliseconds. Except where it says otherwise the request is processed first: a queue
    /// call is accepted and charged, and only its answer suffers.
    public enum Action: Hashable, Sendable, Codable {
        /// The connection is reset; with endpoint `connection` before anything is read, else once the head has come.
        case reset
        /// The connection is reset after at least that many bytes of the body have been read. Not processed.
        case resetAfter(bytes: Int)
        /// The request is read whole and not processed; the connection closes without an answer.
        case swallow
        /// Processed; the connection closes without an answer.
        case loseAnswer
        /// Processed; the connection stays open and silent.
        case neverAnswer
        /// Processed; the answer waits.
        case answerLate(milliseconds: Int)
        /// Answers this; the real request is processed only if `processed` says so.
        case reply(status: Int, headers: [String: String]? = nil, body: String? = nil, processed: Bool? = nil)
        /// An HTML page as the edge shows it when the service is out of reach: 502, 503, 504, 520… Not processed.
        case edgePage(status: Int)
        /// 429 in one of its forms. Not processed.
        case tooManyRequests(form: RateLimitForm, seconds: Int)
        /// 409: the body is asked for a consent unless it carries one. Only for `queue`.
        case askConsent
        /// One of the service's own refusals. Not processed; counted by the error budget like any other refusal.
        case refuse(with: Refusal)
        /// The account is blocked for that long, as after too many failures. Not processed.
        case block(seconds: Int)
        /// 502 on retrieve: finished, and not yet fetched from the provider. Not processed.
        case badGateway
        /// The whole length is announced; the connection closes after that many bytes of the body.
        case truncate(after: Int)
        /// As `truncate`, but the connection stays open and silent.
        case stall(after: Int)
        /// As `truncate`, but the connection is reset.
        case resetBody(after: Int)
        /// The body comes in pieces.
        case drip(bytes: Int, everyMilliseconds: Int)
        /// A JSON answer of that many bytes in place of the real one. Not processed.
        case flood(bytes: Int)
        /// The answer claims another content type; none at all when it is empty.
        case mislabel(contentType: String)
        /// The answer is spelled in another of the ways that have been seen.
        case dialect(with: Dialect)
        /// No Content-Length: chunked.
        case omitLength
        /// The status and headers of the real answer with no body.
        case emptyBody
        /// The job ends in this failure, told by every later retrieve. For `queue`: the job that this call makes; for
        /// `retrieve`: the job that it asks about, if it is still rendering.
        case failJob(with: FailureKind)
    }

    public var match: Match
    public var action: Action

    public init(_ match: Match, _ action: Action) {
        self.match = match
        self.action = action
    }
}

/// The ways in which a 429 says when to come back.
public enum RateLimitForm: String, Hashable, Sendable, Codable, CaseIterable {
    /// `Retry-After` in seconds.
    case retryAfter = "retry_after"
    /// `x-ratelimit-reset-requests` as Unix milliseconds.
    case resetMilliseconds = "reset_ms"
    /// `x-ratelimit-reset-requests` as Unix seconds.
    case resetSeconds = "reset_s"
    /// `x-ratelimit-reset-requests` as seconds from now.
    case resetDelta = "reset_delta"
    /// No hint at all.
    case bare
}

extension Fault.Action {
    enum CodingKeys: String, CodingKey {
        case reset
        case resetAfter = "reset_after"
        case swallow
        case loseAnswer = "lose_answer"
        case neverAnswer = "never_answer"
        case answerLate = "answer_late"
        case reply
        case edgePage = "edge_page"
        case tooManyRequests = "too_many_requests"
        case askConsent = "ask_consent"
        case refuse, block, flood, dialect
        case badGateway = "bad_gateway"
        case truncate, stall, drip, mislabel
        case resetBody = "reset_body"
        case omitLength = "omit_length"
        case emptyBody = "empty_body"
        case failJob = "fail_job"
    }

    enum DripCodingKeys: String, CodingKey {
        case bytes
        case everyMilliseconds = "every_milliseconds"
    }

    enum MislabelCodingKeys: String, CodingKey { case contentType = "content_type" }

    /// Whether it strikes before the body has been read, when no model is known yet.
    var isEarly: Bool {
        switch self {
        case .reset, .resetAfter: true
        default: false
        }
    }

    /// Whether the request never reaches the service proper.
    var preventsProcessing: Bool {
        switch self {
        case .reset, .resetAfter, .swallow, .edgePage, .tooManyRequests, .badGateway, .refuse, .block, .flood: true
        case .reply(_, _, _, let processed): processed != true
        default: false
        }
    }

    /// The word that scripts and the ledger use for it.
    var name: String {
        let json = (try? JSONEncoder().encode(self)).flatMap(JSONValue.parse)
        return json?.object?.keys.first ?? "unknown"
    }

    /// Whether the client sees at least the head of the service's own answer.
    var tells: Bool {
        switch self {
        case .loseAnswer, .neverAnswer, .emptyBody, .reply: false
        default: !preventsProcessing
        }
    }
}
