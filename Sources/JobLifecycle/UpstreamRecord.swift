public import Foundation
public import VideoModels

/// A paid request of ours, as a comparison with the upstream's record sees it.
public struct ReconciledAttempt: Hashable, Sendable, Identifiable {
    public struct ID: Hashable, Sendable {
        public var user: UserID
        public var job: JobID
        public var token: Int64

        public init(user: UserID, job: JobID, token: Int64) {
            self.user = user
            self.job = job
            self.token = token
        }
    }

    public var id: ID
    /// The model that was asked for, and the one that answered.
    public var models: Set<String>
    public var price: Money
    public var startedAt: Date
    /// When its end was noticed; nil while it is under way.
    public var endedAt: Date?
    /// The database's word; nil while it is under way.
    public var outcome: String?
    /// The upstream has made the video, so it has been charged whatever kind of account pays.
    public var hasVideo: Bool
    /// The job still waits with it for a person.
    public var isUndecided: Bool
    /// What the upstream calls the request or its job, as far as its answer told: an entry that has one of these is its own.
    public var handles: Set<String>
    /// The account's balance before this request, as its answer told it.
    public var balance: Money?
    /// Its answer may lie in a time that a restore has lost, with others that nobody here remembers.
    public var isOfLostTime: Bool

    public init(
        id: ID, models: Set<String>, price: Money, startedAt: Date, endedAt: Date?, outcome: String?,
        hasVideo: Bool = false, isUndecided: Bool = false, handles: Set<String> = [], balance: Money? = nil,
        isOfLostTime: Bool = false
    ) {
        self.id = id
        self.models = models
        self.price = price
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.outcome = outcome
        self.hasVideo = hasVideo
        self.isUndecided = isUndecided
        self.handles = handles
        self.balance = balance
        self.isOfLostTime = isOfLostTime
    }
}

/// What the upstream has written down about an account's money: one charge or credit.
public struct UpstreamEntry: Hashable, Sendable {
    public var kind: Kind
    /// Without a sign, in US dollars; nil where it is in another currency.
    public var amount: Money?
    /// Nil where the record does not say.
    public var at: Date?
    /// What it was for, in the upstream's words; a model's id is somewhere in it.
    public var label: String?
    public var requestID: String?

    public enum Kind: Hashable, Sendable { case charge, credit }

    public init(kind: Kind, amount: Money?, at: Date?, label: String?, requestID: String? = nil) {
        self.kind = kind
        self.amount = amount
        self.at = at
        self.label = label
        self.requestID = requestID
    }

    /// Charges of one request as one: the upstream may divide what it takes (PROTOCOL §1.4).
    public static func merged(_ entries: [UpstreamEntry]) -> [UpstreamEntry] {
        var places: [String: Int] = [:]
        return entries.reduce(into: []) { merged, entry in
            guard entry.kind == .charge, let request = entry.requestID else { return merged.append(entry) }
            guard let place = places[request] else {
                places[request] = merged.count
                return merged.append(entry)
            }
            let sum = merged[place].amount.flatMap { first in entry.amount.map { first + $0 } }
            merged[place].amount = sum
            merged[place].at = [merged[place].at, entry.at].compactMap { $0 }.min()
        }
    }
}

/// What was read of the upstream's record.
public struct UpstreamRecord: Hashable, Sendable {
    /// What it is called, for people.
    public var name: String
    public var entries: [UpstreamEntry]
    /// It holds all from here on.
    public var from: Date
    /// It was read then.
    public var readAt: Date
    /// Wallets are charged when the provider takes the job and not before, so one that failed may have cost nothing.
    public var isWallet: Bool

    public init(name: String, entries: [UpstreamEntry], from: Date, readAt: Date, isWallet: Bool) {
        self.name = name
        self.entries = entries
        self.from = from
        self.readAt = readAt
        self.isWallet = isWallet
    }
}

/// How far an entry may lie from its request. Wider is safer, and leaves more undecided.
public struct ReconciliationTolerance: Hashable, Sendable {
    /// Between our clock and the upstream's.
    public var clockSkew: TimeInterval
    /// How long after the end of a request its charge may be entered.
    public var lateness: TimeInterval

    public init(clockSkew: TimeInterval = 120, lateness: TimeInterval = 900) {
        self.clockSkew = clockSkew
        self.lateness = lateness
    }
}

/// What the upstream's record says of one lost answer.
public struct ReconciliationFinding: Hashable, Sendable {
    public var attempt: ReconciledAttempt
    public var verdict: Job.Attention.Verdict
    /// Sentences: what was compared with what, and what came of it.
    public var evidence: [String]
    /// When asking again may tell more.
    public var askAgainAt: Date?

    public init(
        attempt: ReconciledAttempt, verdict: Job.Attention.Verdict, evidence: [String], askAgainAt: Date? = nil
    ) {
        self.attempt = attempt
        self.verdict = verdict
        self.evidence = evidence
        self.askAgainAt = askAgainAt
    }
}

extension UpstreamEntry: CustomStringConvertible {
    /// For evidence.
    public var description: String {
        let parts = [
            amount.map { "a charge of \($0)" } ?? "a charge in another currency", label.map { "for \($0)" },
            at.map { "at \(Wire.text(of: $0))" }, requestID.map { "(request \($0))" },
        ]
        return parts.compactMap { $0 }.joined(separator: " ")
    }
}
