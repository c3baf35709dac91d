import Foundation
import HTTPTransport
import VideoModels

extension VeniceError {
    /// What an answer that is no success means, from the table and then from the body.
    ///
    /// - Parameter link: what was asked for, where that is a secret.
    init(
        _ endpoint: VeniceEndpoint, status: Int, headers: AnswerHeaders, body: [UInt8], now: Date,
        link: LinkSecret? = nil
    ) {
        let told = ErrorBody(body)
        let evidence = VeniceEvidence(
            endpoint: endpoint, status: status, headers: headers, requestID: told.requestID, code: told.code,
            message: told.message, link: link, isFromAPI: told.isFromAPI)
        if let refusal = SignInRefusal(status: status, code: told.code), endpoint.takesSignature,
            refusal.deservesAnother
        {
            self = refusal == .nonceReused && endpoint.movesMoney ? .outcomeUnknown(evidence) : .notSent(evidence)
            return
        }
        let verdict = Self.refined(StatusTable.verdict(endpoint, status), endpoint, status, told)
        // However often something in front of the API says so, it is no verdict on the job: the deadline ends that.
        switch verdict.isFinal && !StatusTable.believes(told, at: endpoint) ? .passing : verdict {
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
    init(
        _ endpoint: VeniceEndpoint, _ error: HTTPClientError, status: Int? = nil, headers: AnswerHeaders? = nil,
        link: LinkSecret? = nil
    ) {
        let evidence = VeniceEvidence(
            endpoint: endpoint, status: status, headers: headers, message: error.description, link: link)
        switch (error.reason, error.sent) {
        case (.invalidRequest, .nothing): self = .operatorMustAct(evidence)
        case (_, .nothing): self = .notSent(evidence)
        case (_, .maybe) where endpoint.movesMoney: self = .outcomeUnknown(evidence)
        case (.tooLarge, .maybe), (.malformed, .maybe): self = .unexpectedAnswer(evidence)
        case (_, .maybe): self = .retryLater(after: nil, mayBeFinal: false, evidence)
        }
    }

    /// Where one status has several meanings that only the body tells apart.
    private static func refined(
        _ verdict: Verdict, _ endpoint: VeniceEndpoint, _ status: Int, _ told: ErrorBody
    ) -> Verdict {
        switch (endpoint, status, told.code) {
        // Words of another service.
        case (.download, _, _), (.deleteDownload, _, _): verdict
        // An unknown, foreign or expired id.
        case (.retrieve, 400, _) where told.says("request id is invalid"): .gone
        // A request without `model`, which has been seen with either status.
        case (_, 404, _) where told.says("model is required"): .invalid
        // A payment's header has no business on any route but one.
        case (_, 400, "PAYMENT_HEADER_NOT_ACCEPTED"): .account
        // Nothing moved.
        case (.topUp, 402, "SETTLEMENT_FAILED"): .passing
        // The upstream itself takes no payments.
        case (.topUp, 503, "NOT_CONFIGURED"): .account
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
