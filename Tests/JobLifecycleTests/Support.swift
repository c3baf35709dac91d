import Foundation
import JobLifecycle
import TestSupport
import VideoModels

/// Every state, each once per distinction that its transitions make.
let states: [(name: String, state: JobState)] = [
    ("accepted", .accepted),
    ("quoted", .quoted(.sample)),
    ("submitting", .submitting(.sample, by: .sample)),
    ("rendering", .rendering(.sample)),
    ("downloading", .downloading(.sample)),
    ("ready", .ready(.sample)),
    ("cleaned", .ready(Delivery(rendering: .sample, videoID: .sample(), isCleanedUp: true))),
    ("failed", .failed(.sample)),
    ("cancelled", .cancelled),
    ("unknown", .attention(.unknownOutcome(.sample, evidence: "lost"))),
    ("blocked", .attention(.accountBlocked(evidence: "402"))),
    ("consent", .attention(.consentNeeded(.sample, .sample))),
    ("restored", .attention(.restored(.sample, evidence: "a backup"))),
    ("unpriced", .attention(.restored(nil, evidence: "a backup"))),
]

/// Every event, decisions apart.
let events: [(name: String, event: JobEvent)] = [
    ("priced", .priced(.sample)),
    ("refused", .refused(.sample)),
    ("intended", .submissionIntended(by: .sample)),
    ("accepted", .submissionAccepted(.sample)),
    ("notSent", .submissionNotSent(.sample)),
    ("correctable", .submissionCorrectable(.sample)),
    ("consentAsked", .consentAsked(.sample)),
    ("lost", .submissionLost(evidence: "timeout")),
    ("accountBlocked", .accountBlocked(evidence: "402")),
    ("stillRendering", .stillRendering(usual: 90)),
    ("newEstimate", .stillRendering(usual: 120)),
    ("announced", .videoAnnounced(link: nil)),
    ("stored", .videoStored(.sample)),
    ("renderingFailed", .renderingFailed(.sample)),
    ("cleanedUp", .cleanedUp),
    ("postponed", .postponed(3)),
    ("held", .held(.sample)),
    ("setback", .setback(.sample)),
    ("cancel", .cancelRequested),
    ("resubmit", .decided(.resubmit)),
    ("agree", .decided(.agree)),
    ("giveUp", .decided(.giveUp)),
]

extension Job.Hold {
    static let sample = Job.Hold(kind: .known(.spendingCap), message: "Nothing is left this month.")
}

extension ConsentRequest {
    static let sample = ConsentRequest(
        flow: "seedance", policy: Job.ConsentPolicy(policyText: "I may show these people.", media: ["image"]))
}

extension JobState {
    /// The word of `states`.
    var word: String {
        switch self {
        case .accepted: "accepted"
        case .quoted: "quoted"
        case .submitting: "submitting"
        case .rendering: "rendering"
        case .downloading: "downloading"
        case .ready(let delivery): delivery.isCleanedUp ? "cleaned" : "ready"
        case .failed: "failed"
        case .cancelled: "cancelled"
        case .attention(.unknownOutcome): "unknown"
        case .attention(.accountBlocked): "blocked"
        case .attention(.consentNeeded): "consent"
        case .attention(.restored(let quotation, _)): quotation == nil ? "unpriced" : "restored"
        }
    }
}

extension JobEffect {
    var word: String {
        switch self {
        case .publish: "publish"
        case .reserve: "reserve"
        case .settle: "settle"
        case .release: "release"
        case .refund: "refund"
        case .addVideo: "addVideo"
        case .snooze: "snooze"
        }
    }

    var snooze: TimeInterval? {
        if case .snooze(let delay) = self { delay } else { nil }
    }
}

extension JobProgress {
    /// Applies events in a row, with the sample's time and no jitter; the effects are those of the last.
    @discardableResult
    mutating func apply(
        _ events: JobEvent..., policy: JobPolicy = JobPolicy(), at now: Date = .sample, jitter: Double = 0
    ) throws -> [JobEffect] {
        var effects: [JobEffect] = []
        for event in events { effects = try apply(event, policy: policy, at: now, jitter: jitter) }
        return effects
    }
}
