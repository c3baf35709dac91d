import Foundation
public import JobLifecycle
import VideoModels

/// A job's state spread over its row. The schema's checks say the same as the cases of `JobState`.
struct StateColumns {
    var state: String
    var price: Money?
    var submittingToken: Int64?
    var rendering: Rendering?
    var videoID: VideoID?
    var isCleanedUp: Bool?
    var failure: Failure?
    var attentionKind: Job.Attention.Kind?
    var attentionEvidence: String?
    var consentRequest: ConsentRequest?

    init(_ state: JobState) {
        self.state = state.name
        switch state {
        case .accepted: break
        case .quoted(let quotation): price = quotation.price
        case .submitting(let quotation, let token):
            price = quotation.price
            submittingToken = token.rawValue
        case .rendering(let now), .downloading(let now):
            price = now.price
            rendering = now
        case .ready(let delivery):
            price = delivery.rendering.price
            rendering = delivery.rendering
            videoID = delivery.videoID
            isCleanedUp = delivery.isCleanedUp
            // The link is of no more use once the upstream's copy is gone.
            if delivery.isCleanedUp { rendering?.link = nil }
        case .failed(let failure): self.failure = failure
        case .cancelled: break
        case .attention(.unknownOutcome(let quotation, let evidence)):
            price = quotation.price
            (attentionKind, attentionEvidence) = (.unknownOutcome, evidence)
        case .attention(.accountBlocked(let evidence)):
            (attentionKind, attentionEvidence) = (.accountBlocked, evidence)
        case .attention(.consentNeeded(let quotation, let request)):
            price = quotation.price
            (attentionKind, consentRequest) = (.consentNeeded, request)
        case .attention(.restored(let quotation, let evidence)):
            price = quotation?.price
            (attentionKind, attentionEvidence) = (.restored, evidence)
        }
    }

    init(_ row: Row, secrets: SecretBox?) throws(PostgresError) {
        state = try row.job(.state, Row.text)
        price = try row.jobOptional(.price, Row.money)
        submittingToken = try row.jobOptional(.submittingToken, Row.int64)
        videoID = try row.jobOptional(.videoId, Row.id)
        isCleanedUp = try row.jobOptional(.isCleanedUp, Row.bool)
        if let code = try row.job(.failureCode, Row.optionalText) {
            failure = Failure(
                code: code, message: try row.job(.failureMessage, Row.optionalText) ?? "",
                refunded: try row.jobOptional(.isRefunded, Row.bool), notes: try Self.notes(row))
        }
        attentionKind = try row.job(.attentionKind, Row.optionalText).flatMap(Job.Attention.Kind.init(rawValue:))
        attentionEvidence = try row.job(.attentionEvidence, Row.optionalText)
        if let text = try row.jobOptional(.consentRequest, Row.data) {
            consentRequest = try? Wire.decode(ConsentRequest.self, from: text)
        }
        if let price, let queueID = try row.job(.queueId, Row.optionalText) {
            rendering = Rendering(
                price: price, model: try row.job(.veniceModel, Row.text), queueID: queueID,
                link: try Self.link(row, secrets), submittedAt: try row.job(.submittedAt, Row.date),
                usual: try row.jobOptional(.usualSeconds, Row.double), polls: try row.job(.polls, Row.int))
        }
    }

    private static func link(_ row: Row, _ secrets: SecretBox?) throws(PostgresError) -> Redacted<String>? {
        guard let secrets, let sealed = try row.jobOptional(.sealedLink, Row.bytes) else { return nil }
        let job: JobID = try row.job(.id, Row.id)
        return try secrets.open(sealed, for: job.description)
    }

    /// Notes that a later build wrote, and that this one cannot read, only help less.
    private static func notes(_ row: Row) throws(PostgresError) -> FailureNotes {
        guard let text = try row.jobOptional(.failureNotes, Row.data) else { return FailureNotes() }
        return (try? Wire.decode(FailureNotes.self, from: text)) ?? FailureNotes()
    }

    /// The state that the columns spell, or an error that names the row's contradiction.
    func jobState() throws(PostgresError) -> JobState {
        switch (state, price, rendering) {
        case ("accepted", _, _): return .accepted
        case ("quoted", let price?, _): return .quoted(Quotation(price: price))
        case ("submitting", let price?, _):
            if let token = submittingToken { return .submitting(Quotation(price: price), by: LeaseToken(token)) }
        case ("rendering", _, let rendering?): return .rendering(rendering)
        case ("downloading", _, let rendering?): return .downloading(rendering)
        case ("ready", _, let rendering?):
            if let videoID, let isCleanedUp {
                return .ready(Delivery(rendering: rendering, videoID: videoID, isCleanedUp: isCleanedUp))
            }
        case ("failed", _, _):
            if let failure { return .failed(failure) }
        case ("cancelled", _, _): return .cancelled
        case ("attention", _, _):
            switch (attentionKind, price) {
            case (.unknownOutcome, let price?):
                return .attention(.unknownOutcome(Quotation(price: price), evidence: attentionEvidence ?? ""))
            case (.accountBlocked, _): return .attention(.accountBlocked(evidence: attentionEvidence ?? ""))
            case (.consentNeeded, let price?):
                if let consentRequest { return .attention(.consentNeeded(Quotation(price: price), consentRequest)) }
            case (.restored, let price):
                return .attention(.restored(price.map(Quotation.init), evidence: attentionEvidence ?? ""))
            default: break
            }
        default: break
        }
        throw .unexpectedRow("a job in state \(state) lacks what that state needs")
    }

    /// What was agreed to, and when.
    func consent(at moment: Date?) -> ConsentGiven? {
        guard let moment, let consentRequest else { return nil }
        return ConsentGiven(consentRequest, at: moment)
    }
}

extension JobState {
    /// The word in the database, and in the operator's tables.
    public var name: String {
        switch self {
        case .accepted: "accepted"
        case .quoted: "quoted"
        case .submitting: "submitting"
        case .rendering: "rendering"
        case .downloading: "downloading"
        case .ready: "ready"
        case .failed: "failed"
        case .cancelled: "cancelled"
        case .attention: "attention"
        }
    }
}
