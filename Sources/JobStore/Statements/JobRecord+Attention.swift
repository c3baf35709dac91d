import Foundation
import JobLifecycle
public import VideoModels

extension JobRecord {
    /// What the phone is told of why the job failed.
    public var failure: Job.Failure? {
        if case .failed(let failure) = progress.state { failure.forPhone } else { nil }
    }

    /// What the phone is told of what a person has to decide.
    public var attention: Job.Attention? {
        guard case .attention(let attention) = progress.state else { return nil }
        var shown = attention.forPhone(since: attentionSince, progress.verdict)
        shown.revision = revision
        return shown
    }
}

extension Failure {
    fileprivate var forPhone: Job.Failure {
        Job.Failure(
            code: code, message: message, refunded: refunded, recommendedModel: notes.recommendedModel,
            suggestedPrompt: notes.suggestedPrompt, hint: notes.hint, budget: notes.budget)
    }
}

extension Attention {
    fileprivate func forPhone(since: Date?, _ verdict: Job.Attention.Verdict?) -> Job.Attention {
        switch self {
        case .unknownOutcome(let quotation, let evidence):
            Job.Attention(
                kind: .known(.unknownOutcome), message: Self.lost(quotation.price, verdict), since: since,
                priceAtRisk: quotation.price, evidence: evidence, verdict: verdict.map(Open.known),
                choices: Self.choices(afterLosing: quotation.price, verdict))
        case .accountBlocked(let evidence):
            Job.Attention(
                kind: .known(.accountBlocked),
                message: "The service cannot pay for videos at the moment. Nothing was charged.", since: since,
                evidence: evidence,
                choices: [
                    .wait("Wait until the service can pay again."),
                    Job.Attention.Choice(
                        .resubmit, cost: .zero, message: "Try again: the video is priced anew, and paid once."),
                    .giveUp("Give up; nothing was charged."),
                ])
        case .consentNeeded(let quotation, let request):
            Job.Attention(
                kind: .known(.consentNeeded),
                message: "Before this video is made, for \(quotation.price), somebody has to agree to a text. "
                    + "Nothing was charged.", consent: request.policy, since: since,
                choices: [
                    .wait("Decide later; nothing is charged meanwhile."),
                    Job.Attention.Choice(
                        .agree, cost: quotation.price, message: "Agree to the text; the video is made and paid."),
                    .giveUp("Give up; nothing was charged."),
                ])
        case .restored(let quotation, let evidence): Self.restored(quotation, evidence, since: since)
        }
    }

    private static func restored(_ quotation: Quotation?, _ evidence: String, since: Date?) -> Job.Attention {
        Job.Attention(
            kind: .known(.restored),
            message:
                "The service was restored from a backup, and whether this video was paid in the time that is lost is not "
                + "known. Asking again may cost its price a second time.", since: since,
            priceAtRisk: quotation?.price, evidence: evidence,
            choices: [
                .wait("Decide later; nothing is charged meanwhile."),
                Job.Attention.Choice(
                    .resubmit, cost: quotation?.price ?? .zero,
                    message: quotation == nil
                        ? "Ask again, although it may have been paid already; the video is priced anew."
                        : "Ask again, although it may have been paid already."),
                .giveUp("Give up; nothing more is charged."),
            ])
    }

    private static func lost(_ price: Money, _ verdict: Job.Attention.Verdict?) -> String {
        switch verdict {
        case .notCharged: "The answer to this request was lost. Nothing was charged, so it is safe to ask again."
        case .charged:
            "The answer to this request was lost. \(price) was charged, and the video cannot be had. "
                + "Asking again costs the price once more."
        case .undecidable, nil:
            "The answer to this request was lost. \(price) may have been charged. "
                + "Asking again may cost the same once more."
        }
    }

    private static func choices(
        afterLosing price: Money, _ verdict: Job.Attention.Verdict?
    ) -> [Job.Attention.Choice] {
        let (again, giveUp) =
            switch verdict {
            case .notCharged:
                ("Ask again for \(price); the first request was not charged.", "Give up; nothing was charged.")
            case .charged:
                (
                    "Ask again for another \(price); the first request was charged.",
                    "Give up; the \(price) that was charged counts as spent."
                )
            case .undecidable, nil:
                (
                    "Ask again for another \(price), although the first request may have been paid.",
                    "Give up; what may have been charged counts as spent."
                )
            }
        return [
            .wait("Wait: the answer may still be found, and what was charged may be found out."),
            Job.Attention.Choice(.resubmit, cost: price, message: again),
            .giveUp(giveUp),
        ]
    }
}

extension Job.Attention.Choice {
    fileprivate static func wait(_ message: String) -> Self { Self(.wait, cost: .zero, message: message) }
    fileprivate static func giveUp(_ message: String) -> Self { Self(.giveUp, cost: .zero, message: message) }
}
