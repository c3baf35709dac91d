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

    init(_ state: JobState, keeping before: StateColumns? = nil) {
        self.state = state.name
        // What was paid, to whom and for what stays with the job to its end.
        price = before?.price
        rendering = before?.rendering
        switch state {
        case .accepted: price = nil
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
        }
    }

    init(_ row: Row, secrets: SecretBox?) throws(PostgresError) {
        state = try row.text("state")
        price = try row.optional("price", Row.money)
        submittingToken = try row.optional("submitting_token", Row.int64)
        videoID = try row.optional("video_id", Row.id)
        isCleanedUp = try row.optional("is_cleaned_up", Row.bool)
        if let code = try row.optionalText("failure_code") {
            failure = Failure(
                code: code, message: try row.optionalText("failure_message") ?? "",
                refunded: try row.optional("is_refunded", Row.bool), notes: try Self.notes(row))
        }
        attentionKind = try row.optionalText("attention_kind").flatMap(Job.Attention.Kind.init(rawValue:))
        attentionEvidence = try row.optionalText("attention_evidence")
        if let text = try row.optionalText("consent_request") {
            consentRequest = try? Wire.decode(ConsentRequest.self, from: Data(text.utf8))
        }
        if let price, let queueID = try row.optionalText("queue_id") {
            let sealed = try row.optional("sealed_link", Row.bytes)
            let context = try row.text("id")
            var link: Redacted<String>?
            if let sealed, let secrets { link = try secrets.open(sealed, for: context) }
            rendering = Rendering(
                price: price, model: try row.text("venice_model"), queueID: queueID, link: link,
                submittedAt: try row.date("submitted_at"), usual: try row.optional("usual_seconds", Row.double),
                polls: try row.int("polls"))
        }
    }

    /// Notes that a later build wrote, and that this one cannot read, only help less.
    private static func notes(_ row: Row) throws(PostgresError) -> FailureNotes {
        guard let text = try row.optionalText("failure_notes") else { return FailureNotes() }
        return (try? Wire.decode(FailureNotes.self, from: Data(text.utf8))) ?? FailureNotes()
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

    /// `$27` of `JobStatements.update`.
    func consentValue() throws -> Value {
        let text = try consentRequest.map { String(decoding: try Wire.encode($0), as: UTF8.self) }
        return .optional(text, { .text($0) })
    }

    /// `$4` to `$19` of `JobStatements.update`.
    func values(sealing secrets: SecretBox?, for job: JobID) throws -> [Value] {
        if rendering?.link != nil, secrets == nil { throw PostgresError.unexpectedRow("no key to seal a link with") }
        return [
            .text(state), .optional(price, Value.money), .optional(submittingToken, { .int($0) }),
            .optional(rendering?.model, { .text($0) }), .optional(rendering?.queueID, { .text($0) }),
            try .optional(rendering?.link.flatMap { try secrets?.seal($0, for: job.description) }, { .bytes($0) }),
            .optional(rendering?.submittedAt, Value.date), .optional(rendering?.usual, Value.double),
            .int(rendering?.polls ?? 0), .optional(videoID, { .id($0) }), .optional(isCleanedUp, Value.bool),
            .optional(failure?.code, { .text($0) }), .optional(failure?.message, { .text($0) }),
            .optional(failure?.refunded, Value.bool), .optional(attentionKind?.rawValue, { .text($0) }),
            .optional(attentionEvidence, { .text($0) }),
        ]
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
