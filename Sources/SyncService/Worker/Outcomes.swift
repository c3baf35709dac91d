import Foundation
import JobLifecycle
import JobStore
import ObjectStorage
import VeniceTransport
import VideoModels

// What each answer of the upstream, or of our own disk, means for a job at each stage.

extension VeniceError {
    /// While pricing: nothing is paid, and a refusal is final.
    var beforePayment: JobEvent {
        if isModelUnavailable { return .setback(Setback(.modelUnavailable, words, retryAfter: delay)) }
        return switch self {
        case .notSent, .retryLater, .unexpectedAnswer, .outcomeUnknown:
            .setback(Setback(.unreachable, words, retryAfter: delay))
        case .throttled: .setback(Setback(.throttled, words, retryAfter: delay))
        case .refused, .invalid, .gone, .consentNeeded: .refused(failure)
        case .paymentNeeded, .operatorMustAct: .accountBlocked(evidence: words)
        }
    }

    /// After the intent: only what provably made no job leads back.
    var onSubmission: JobEvent {
        switch self {
        case .notSent: .submissionNotSent(Setback(.unreachable, words))
        case .throttled:
            .submissionNotSent(
                Setback(isModelUnavailable ? .modelUnavailable : .throttled, words, retryAfter: delay))
        case .outcomeUnknown, .retryLater, .unexpectedAnswer: .submissionLost(evidence: words)
        case .refused, .invalid, .gone: .refused(failure)
        // A kind of consent that this build cannot give is a refusal.
        case .consentNeeded(let challenge, _):
            Consent(rawValue: challenge.flow) == nil ? .refused(failure) : .consentAsked(ConsentRequest(challenge))
        case .paymentNeeded, .operatorMustAct: .accountBlocked(evidence: words)
        }
    }

    /// The job is paid: it is given up only when the upstream says so for good.
    var afterPayment: JobEvent {
        switch self {
        case .refused, .invalid: .renderingFailed(failure)
        case .gone: .renderingFailed(Failure(.mediaGone, words))
        case .throttled: .setback(Setback(.throttled, words, retryAfter: delay))
        case .retryLater(_, let mayBeFinal, _):
            .setback(Setback(mayBeFinal ? .serverError : .unreachable, words, retryAfter: delay))
        case .notSent, .outcomeUnknown, .unexpectedAnswer: .setback(Setback(.unreachable, words, retryAfter: delay))
        case .paymentNeeded, .operatorMustAct, .consentNeeded: .setback(Setback(.accountRefused, words, retryAfter: 60))
        }
    }

    /// The video is safe here; what is gone upstream is as good as removed.
    var onCleanUp: JobEvent {
        switch self {
        case .gone, .invalid, .refused: .cleanedUp
        case .throttled: .setback(Setback(.throttled, words, retryAfter: delay))
        case .notSent, .outcomeUnknown, .retryLater, .paymentNeeded, .operatorMustAct, .consentNeeded,
            .unexpectedAnswer:
            .setback(Setback(.unreachable, words, retryAfter: delay))
        }
    }

    private var words: String { "\(self)" }

    private var delay: TimeInterval? { retryAfter?.seconds }

    private var failure: Failure {
        switch self {
        case .refused(let refusal, _):
            Failure(
                code: refusal.kind.rawValue, message: refusal.message, refunded: refusal.notes.refunded,
                notes: FailureNotes(refusal.notes))
        case .consentNeeded: Failure(.consentNeeded, "The upstream asks for consent before it takes this media.")
        case .invalid(let findings, let evidence):
            Failure(
                .refused,
                ([evidence.message] + findings.map { "\($0.field): \($0.message)" }).filter { !$0.isEmpty }
                    .joined(separator: "; "))
        case .notSent, .outcomeUnknown, .throttled, .retryLater, .paymentNeeded, .operatorMustAct, .gone,
            .unexpectedAnswer:
            Failure(.refused, evidence.message)
        }
    }
}

extension QueueRequest {
    /// What a failed submission means for its job. A refusal that asks for what was left out is worth one more try.
    func event(after error: VeniceError) -> JobEvent {
        if case .refused(let failure) = error.onSubmission, corrected(after: error) != nil {
            return .submissionCorrectable(failure)
        }
        return error.onSubmission
    }
}

extension AttemptEvidence {
    init(_ error: VeniceError) {
        let outcome: Outcome =
            switch error.onSubmission {
            case .submissionNotSent: .notSent
            case .refused, .consentAsked: .refused
            case .accountBlocked: .blocked
            default: .lost
            }
        let evidence = error.evidence
        self.init(
            outcome, httpStatus: evidence.status, requestID: evidence.ray ?? evidence.requestID,
            message: evidence.message)
    }
}

extension ConsentRequest {
    init(_ challenge: ConsentChallenge) {
        self.init(
            flow: challenge.flow,
            policy: Job.ConsentPolicy(
                policyText: challenge.policyText, version: challenge.version, docsURL: challenge.docsURL,
                media: challenge.roles))
    }
}

extension Receipt {
    init(_ receipt: QueueReceipt) {
        self.init(model: receipt.model, queueID: receipt.queueID, link: receipt.downloadURL)
    }
}

extension Failure {
    /// A terminal word in a retrieve's answer.
    init(status: String, _ notes: RefusalNotes) {
        self.init(
            .upstreamError, notes.message ?? "The upstream gave up on the video (\(status)).", refunded: notes.refunded)
        self.notes = FailureNotes(notes)
    }
}

extension FailureNotes {
    /// Shortened: they are the upstream's words, and go to every device of the user.
    init(_ notes: RefusalNotes) {
        func words(_ text: String?, atMost length: Int) -> String? { text.map { String($0.prefix(length)) } }
        self.init(
            recommendedModel: words(notes.recommendedModel, atMost: 200),
            suggestedPrompt: words(notes.suggestedPrompt, atMost: 5000), hint: words(notes.hint, atMost: 500))
    }
}

extension Setback {
    init(_ error: ObjectStoreError) {
        switch error {
        case .truncated: self.init(.unreachable, "the transfer ended early: \(error)")
        case .noSpace: self.init(.storage, "the disk is full", retryAfter: 10)
        case .notFound, .changed, .corrupted, .notWritable, .missingFolder, .missingBucket, .foreignFile, .tooLarge,
            .unavailable, .denied, .unexpected, .cancelled, .io:
            self.init(.storage, "storage: \(error)", retryAfter: 10)
        }
    }
}
