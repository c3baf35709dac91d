import Foundation
import HTTPTransport
import VideoModels

extension VeniceError {
    /// What an answer that is no success means, from the table and then from the body.
    init(_ endpoint: VeniceEndpoint, status: Int, headers: AnswerHeaders, body: [UInt8], now: Date) {
        let told = ErrorBody(body)
        let evidence = VeniceEvidence(
            endpoint: endpoint, status: status, ray: headers.ray, requestID: told.requestID ?? headers.requestID,
            message: told.messageWithSignInCode)
        if endpoint.takesSignature, SignInRefusal(status: status, code: told.code)?.deservesAnother == true {
            self = .notSent(evidence)
            return
        }
        switch Self.refined(StatusTable.verdict(endpoint, status), endpoint, status, told) {
        case .invalid: self = .invalid(told.findings, evidence)
        case .account: self = .operatorMustAct(evidence)
        case .payment: self = .paymentNeeded(told.payment, evidence)
        case .gone: self = .gone(evidence)
        case .consent:
            self = told.consent.map { .consentNeeded($0, evidence) } ?? .invalid(told.findings, evidence)
        case .refused:
            let kind = told.isContentPolicy ? Refusal.Kind.contentPolicy : .media
            self = .refused(Refusal(kind: kind, message: evidence.message, notes: told.notes), evidence)
        case .throttled: self = .throttled(retryAfter: Self.wait(headers.rateLimits, told, now), evidence)
        case .passing:
            self = .retryLater(after: headers.rateLimits.retryAfter?.delay(from: now), mayBeFinal: false, evidence)
        case .passingOrFinal:
            self = .retryLater(after: headers.rateLimits.retryAfter?.delay(from: now), mayBeFinal: true, evidence)
        case .unknownOutcome: self = .outcomeUnknown(evidence)
        case .unexpected: self = .unexpectedAnswer(evidence)
        }
    }

    /// No answer, or no whole one.
    init(_ endpoint: VeniceEndpoint, _ error: HTTPClientError, status: Int? = nil, headers: AnswerHeaders? = nil) {
        let evidence = VeniceEvidence(
            endpoint: endpoint, status: status, ray: headers?.ray, requestID: headers?.requestID,
            message: error.description)
        switch (error.reason, error.sent) {
        case (.invalidRequest, .nothing): self = .operatorMustAct(evidence)
        case (_, .nothing): self = .notSent(evidence)
        case (_, .maybe) where endpoint == .queue: self = .outcomeUnknown(evidence)
        case (.tooLarge, .maybe), (.malformed, .maybe): self = .unexpectedAnswer(evidence)
        case (_, .maybe): self = .retryLater(after: nil, mayBeFinal: false, evidence)
        }
    }

    /// Where one status has two meanings that only the words tell apart.
    private static func refined(
        _ verdict: Verdict, _ endpoint: VeniceEndpoint, _ status: Int, _ told: ErrorBody
    ) -> Verdict {
        switch (endpoint, status) {
        // An unknown, foreign or expired id.
        case (.retrieve, 400) where told.says("request id is invalid"): .gone
        // A request without `model`, which has been seen with either status.
        case (_, 404) where told.says("model is required"): .invalid
        default: verdict
        }
    }

    /// `Retry-After`, else the header of the limiter that spoke. The block after too many failures lasts 30 s.
    private static func wait(_ limits: RateLimitHeaders, _ told: ErrorBody, _ now: Date) -> Duration? {
        if let retryAfter = limits.retryAfter { return retryAfter.delay(from: now) }
        if told.says("too many failed attempts") {
            return limits.errorBudgetReset?.delay(from: now) ?? .seconds(30)
        }
        return (limits.reset ?? limits.errorBudgetReset)?.delay(from: now)
    }
}
