public import Foundation
public import VideoModels

/// A row of the ledger.
public struct LedgerEntry: Hashable, Sendable {
    /// Grows with each row.
    public var number: Int64
    public var kind: Kind
    public var amount: Money
    public var at: Date

    public enum Kind: String, Hashable, Sendable, CaseIterable { case reserve, settle, release, refund }

    public init(number: Int64, kind: Kind, amount: Money, at: Date) {
        self.number = number
        self.kind = kind
        self.amount = amount
        self.at = at
    }
}

/// A job with everything that its money has to agree with.
public struct AuditedJob: Hashable, Sendable {
    public var user: UserID
    public var id: JobID
    /// Nil where there are rows of money and no such job.
    public var facts: Facts?
    /// By token, which is the order in which they were made.
    public var attempts: [Attempt]
    /// By number.
    public var entries: [LedgerEntry]

    /// What the job's own row says. The state is the database's word, since a row that no build can read is damage too.
    public struct Facts: Hashable, Sendable {
        public var state: String
        public var attentionKind: String?
        public var price: Money?
        public var isRefunded: Bool?

        public init(state: String, attentionKind: String? = nil, price: Money? = nil, isRefunded: Bool? = nil) {
            self.state = state
            self.attentionKind = attentionKind
            self.price = price
            self.isRefunded = isRefunded
        }
    }

    public struct Attempt: Hashable, Sendable {
        public var token: Int64
        public var price: Money
        /// The database's word; nil while it is under way.
        public var outcome: String?
        /// Whether a comparison with the upstream's record has proven that it was not charged.
        public var isProvenUncharged: Bool

        public init(token: Int64, price: Money, outcome: String?, isProvenUncharged: Bool = false) {
            self.token = token
            self.price = price
            self.outcome = outcome
            self.isProvenUncharged = isProvenUncharged
        }
    }

    public init(user: UserID, id: JobID, facts: Facts?, attempts: [Attempt] = [], entries: [LedgerEntry] = []) {
        self.user = user
        self.id = id
        self.facts = facts
        self.attempts = attempts
        self.entries = entries
    }
}

/// Something that does not add up.
public struct AuditFinding: Hashable, Sendable, Codable {
    /// Of the row in the ledger; nil where a row is missing, or where it is another table's.
    public var number: Int64?
    public var user: UserID
    public var job: JobID?
    public var rule: Rule
    public var expected: String
    public var found: String

    public init(
        number: Int64? = nil, user: UserID, job: JobID? = nil, rule: Rule, expected: String, found: String
    ) {
        self.number = number
        self.user = user
        self.job = job
        self.rule = rule
        self.expected = expected
        self.found = found
    }

    public enum Rule: String, Hashable, Sendable, Codable, CaseIterable {
        /// Money of a job that is not there.
        case jobMissing = "job_missing"
        /// A reservation while another is open.
        case reservedTwice = "reserved_twice"
        /// A settlement or a release without an open reservation.
        case nothingReserved = "nothing_reserved"
        /// Another amount settled or released than was reserved.
        case amountDiffers = "amount_differs"
        /// A refund of what was not settled, or of more than was.
        case refundWithoutSettlement = "refund_without_settlement"
        /// A reservation whose paid request is not recorded.
        case attemptMissing = "attempt_missing"
        /// A paid request that nothing was reserved for.
        case reservationMissing = "reservation_missing"
        /// Another amount reserved than the request was made for.
        case attemptPriceDiffers = "attempt_price_differs"
        /// Settled although the request was refused, released although it was accepted, …
        case outcomeDiffers = "outcome_differs"
        /// Another amount than the job's price.
        case jobPriceDiffers = "job_price_differs"
        /// Money still held for a job whose state has none to hold, or the reverse.
        case heldInWrongState = "held_in_wrong_state"
        /// A paid state without a settlement.
        case settlementMissing = "settlement_missing"
        /// The job says that it was refunded and the ledger does not, or the reverse.
        case refundDiffers = "refund_differs"
        /// What counts against budgets is not the sum of the ledger.
        case counterDiffers = "counter_differs"
    }

    enum CodingKeys: String, CodingKey {
        case number, rule, expected, found
        case user = "user_id"
        case job = "job_id"
    }
}
