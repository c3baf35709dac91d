public import VideoModels

/// Why a call did not do what it was for, sorted by what its caller does next.
public enum VeniceError: Error, Hashable, Sendable {
    /// Nothing was done, so repeating is safe, even for a paid submission: no byte left this machine, or a wallet's
    /// signature came too late or too early (then `evidence.status` is 401) and a new one may do. For what moves no money
    /// also one that came a second time.
    case notSent(VeniceEvidence)
    /// A paid submission may have been taken and charged, and its id is lost. Never repeat it without a person's word.
    /// Also where a wallet's signature came a second time: each goes out once, so the request arrived twice.
    /// For a top-up: the payment may have been credited; the same one may go again, but no other before the balance is known.
    case outcomeUnknown(VeniceEvidence)
    /// Too many requests, or too many failures. Nothing was done; come back after that time, or after a backoff of your own.
    case throttled(retryAfter: Duration?, VeniceEvidence)
    /// Something passing. `mayBeFinal`: the upstream repeats this answer for a job it has given up on, so after a few tries,
    /// spread over a minute or more, take it as the end.
    case retryLater(after: Duration?, mayBeFinal: Bool, VeniceEvidence)
    /// The content, for good; a retrieve repeats it. Money may be back.
    case refused(Refusal, VeniceEvidence)
    /// The request itself. It will never be accepted as it is; `Finding.field` uses the names of `VideoRequest`.
    case invalid([Finding], VeniceEvidence)
    case paymentNeeded(PaymentShape, VeniceEvidence)
    /// Key, permission, region or configuration: the account is refused, whatever the request.
    case operatorMustAct(VeniceEvidence)
    /// A person has to agree to the text first. Nothing was charged.
    case consentNeeded(ConsentChallenge, VeniceEvidence)
    /// The model, the job or the file is not there, or no longer.
    case gone(VeniceEvidence)
    /// An answer that makes no sense here. Worth another try later; never a success.
    case unexpectedAnswer(VeniceEvidence)

    public var evidence: VeniceEvidence {
        switch self {
        case .notSent(let evidence), .outcomeUnknown(let evidence), .throttled(_, let evidence),
            .retryLater(_, _, let evidence), .refused(_, let evidence), .invalid(_, let evidence),
            .paymentNeeded(_, let evidence), .operatorMustAct(let evidence), .consentNeeded(_, let evidence),
            .gone(let evidence), .unexpectedAnswer(let evidence):
            evidence
        }
    }
}

extension VeniceError {
    /// The model is why, not the request or the account: it is offline or at capacity (PROTOCOL §12.2). Others are not
    /// concerned. A 503 of whatever stands in front of the API says nothing of a model.
    public var isModelUnavailable: Bool {
        guard evidence.endpoint == .quote || evidence.endpoint == .queue, evidence.isFromAPI else { return false }
        switch evidence.status {
        case 503: return true
        case 429:
            return evidence.code?.hasPrefix("MODEL_") == true || evidence.message.lowercased().contains("capacity")
        default: return false
        }
    }
}

extension VeniceError: CustomStringConvertible {
    public var description: String {
        let word =
            switch self {
            case .notSent: "not sent"
            case .outcomeUnknown: "outcome unknown"
            case .throttled(let delay, _): "throttled" + (delay.map { " for \($0)" } ?? "")
            case .retryLater: "retry later"
            case .refused(let refusal, _): "refused (\(refusal.kind))"
            case .invalid(let findings, _):
                "invalid" + (findings.isEmpty ? "" : " (\(findings.map(\.field).joined(separator: ", ")))")
            case .paymentNeeded(let shape, _): "payment needed (\(shape.word))"
            case .operatorMustAct: "operator must act"
            case .consentNeeded: "consent needed"
            case .gone: "gone"
            case .unexpectedAnswer: "unexpected answer"
            }
        return "\(word): \(evidence)"
    }
}

/// What is known about a failed call; fit for a log and a support request, without any secret.
public struct VeniceEvidence: Hashable, Sendable, CustomStringConvertible {
    public let endpoint: VeniceEndpoint
    /// Nil when there was no answer.
    public let status: Int?
    /// What the answer said beside its body; nil when there was none.
    public let headers: AnswerHeaders?
    /// From the body where it names one, else from the headers.
    public let requestID: String?
    /// The upstream's own word for what is wrong, without an `X402_` before it. Most answers have none.
    public let code: String?
    /// The upstream's words, shortened and cleaned of keys and links, or those of the transport.
    public let message: String

    /// Whether the answer's words are the API's own rather than those of something in front of it.
    let isFromAPI: Bool

    /// `CF-RAY`, which names the request at the upstream's edge.
    public var ray: String? { headers?.ray }

    init(
        endpoint: VeniceEndpoint, status: Int? = nil, headers: AnswerHeaders? = nil, requestID: String? = nil,
        code: String? = nil, message: String, link: LinkSecret? = nil, isFromAPI: Bool = false
    ) {
        // Before anything is cut, since half a secret is not found any more.
        func clean(_ text: String) -> String { Scrubber.clean(link?.strike(text) ?? text) }
        self.endpoint = endpoint
        self.status = status
        self.headers = headers.map { link?.strike($0) ?? $0 }
        self.requestID = requestID.map(clean) ?? self.headers?.requestID
        self.code = code.map { String(clean($0).prefix(100)) }
        self.message = clean(message)
        self.isFromAPI = isFromAPI
    }

    init(_ answer: VeniceClient.Answer, _ message: String) {
        self.init(endpoint: answer.endpoint, status: answer.status, headers: answer.headers, message: message)
    }

    public var description: String {
        let parts = [
            endpoint.rawValue, status.map { "status \($0)" }, code, ray.map { "CF-RAY \($0)" },
            requestID.map { "request \($0)" }, headers?.deprecation.successor.map { "successor \($0)" },
            message.isEmpty ? nil : message,
        ]
        return parts.compactMap { $0 }.joined(separator: ", ")
    }
}

/// A route of the API, or the link to a finished file.
public enum VeniceEndpoint: String, Hashable, Sendable, CaseIterable {
    case models, quote, queue, retrieve, complete, transcriptions, download
    case rateLimits = "rate_limits"
    case rateLimitLog = "rate_limit_log"
    case billingBalance = "billing_balance"
    case usageHistory = "usage_history"
    case walletBalance = "wallet_balance"
    case walletTransactions = "wallet_transactions"
    /// The top-up route without a payment: a question.
    case topUpOffer = "top_up_offer"
    /// The top-up route with a payment.
    case topUp = "top_up"
    case deleteDownload = "delete_download"

    /// A lost answer may mean that money moved.
    var movesMoney: Bool { self == .queue || self == .topUp }
}

/// Why content was refused, and what may help.
public struct Refusal: Hashable, Sendable {
    public var kind: Kind
    public var message: String
    public var notes: RefusalNotes

    public enum Kind: String, Hashable, Sendable {
        /// A policy of the upstream or of the model's maker.
        case contentPolicy = "content_policy"
        /// Length, size or shape of a picture, sound or clip.
        case media
    }
}

/// What some answers add to a refusal.
public struct RefusalNotes: Hashable, Sendable {
    public var message: String?
    /// Nil: the upstream did not say, so the balance has to be looked at.
    public var refunded: Bool?
    public var suggestedPrompt: String?
    /// For a person to choose, never to be taken silently: price and privacy differ.
    public var recommendedModel: String?
    public var hint: String?
}

/// The forms of "402" (PROTOCOL §1.3), told apart by their bodies.
public enum PaymentShape: Hashable, Sendable {
    /// No credential arrived: a fault of this client, or of something that strips headers.
    case discovery(PaymentDiscovery)
    /// The wallet is below what any call needs.
    case walletTooLow(WalletShortfall)
    /// The account's credit does not cover this request.
    case insufficientBalance
    /// The cap set on the key itself.
    case keyLimit
    /// The plain answer of the top-up route, which is no failure.
    case topUpOffer(TopUpOffer)
    case unknown

    /// Topping up does not help: something is set up wrong.
    public var isForOperator: Bool {
        switch self {
        case .discovery, .keyLimit: true
        case .walletTooLow, .insufficientBalance, .topUpOffer, .unknown: false
        }
    }

    public var word: String {
        switch self {
        case .discovery: "no_credential"
        case .walletTooLow: "wallet_too_low"
        case .insufficientBalance: "insufficient_balance"
        case .keyLimit: "key_limit"
        case .topUpOffer: "top_up_offer"
        case .unknown: "unknown"
        }
    }
}

/// What a person has to read and agree to before the same request is sent again with `consents` (PROTOCOL §15.4).
public struct ConsentChallenge: Hashable, Sendable {
    /// `seedance`, so far.
    public var flow: String
    /// Which media show faces: `image`, `end_image`, `reference_image`, …
    public var roles: [String]
    public var version: String?
    /// To be shown word for word.
    public var policyText: String
    public var docsURL: String?
    public var message: String?
}
