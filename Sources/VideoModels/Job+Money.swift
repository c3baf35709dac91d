public import Foundation

extension Job {
    /// Why there is no video, and what became of the money.
    public struct Failure: Hashable, Sendable, Codable {
        /// A stable word, for example `content_policy`.
        public var code: String
        /// A sentence for a person.
        public var message: String
        /// Whether the price came back; nil where the upstream did not say.
        public var refunded: Bool?
        /// Another model that the upstream says may take the request. For a person to choose, never to be taken
        /// silently: price and privacy differ.
        public var recommendedModel: String?
        /// A prompt that the upstream says it would take.
        public var suggestedPrompt: String?
        /// What else the upstream said that may help.
        public var hint: String?
        /// For `budget_exceeded`: which budget, and when it renews.
        public var budget: Budget?

        /// A budget that had no room for the price.
        public struct Budget: Hashable, Sendable, Codable {
            /// `day` or `month`, in UTC.
            public var period: Open<BudgetPeriod>
            public var limit: Money
            /// What was spent or held of it at that moment.
            public var spent: Money
            /// What the job would have cost.
            public var price: Money
            /// When the next period begins.
            public var renewsAt: Date

            public init(period: Open<BudgetPeriod>, limit: Money, spent: Money, price: Money, renewsAt: Date) {
                self.period = period
                self.limit = limit
                self.spent = spent
                self.price = price
                self.renewsAt = renewsAt
            }

            enum CodingKeys: String, CodingKey {
                case period, limit, spent, price
                case renewsAt = "renews_at"
            }
        }

        public init(
            code: String, message: String, refunded: Bool? = nil, recommendedModel: String? = nil,
            suggestedPrompt: String? = nil, hint: String? = nil, budget: Budget? = nil
        ) {
            self.code = code
            self.message = message
            self.refunded = refunded
            self.recommendedModel = recommendedModel
            self.suggestedPrompt = suggestedPrompt
            self.hint = hint
            self.budget = budget
        }

        enum CodingKeys: String, CodingKey {
            case code, message, refunded, hint, budget
            case recommendedModel = "recommended_model"
            case suggestedPrompt = "suggested_prompt"
        }
    }

    /// Something that only a person can decide.
    public struct Attention: Hashable, Sendable, Codable {
        public var kind: Open<Kind>
        public var message: String
        /// For `consent_needed`: what the user has to read before agreeing or giving up.
        public var consent: ConsentPolicy?
        /// Since when the job waits for the decision.
        public var since: Date?
        /// For `unknown_outcome`, and for `restored` where it is known: what may have been charged for nothing.
        public var priceAtRisk: Money?
        /// What is known of why, in the words of whoever saw it.
        public var evidence: String?
        /// For `unknown_outcome`: what the upstream's own record says, once it was looked at.
        public var verdict: Open<Verdict>?
        /// What can be decided, with what each choice may cost from here on.
        public var choices: [Choice]?
        /// Names what is to be decided now. Give it back with the choice: a repeat after a lost answer then cannot decide
        /// about something that came later.
        public var revision: Int64?

        /// What has to be decided.
        public enum Kind: String, Sendable, CaseIterable {
            /// The request may have been accepted and charged, but the answer was lost.
            case unknownOutcome = "unknown_outcome"
            /// The upstream asks for consent before it takes this media.
            case consentNeeded = "consent_needed"
            /// The account that pays has run dry or its key is refused.
            case accountBlocked = "account_blocked"
            /// The service was restored from a backup in which the job was not paid. It may have been since.
            case restored
        }

        /// What a comparison with the upstream's record came to.
        public enum Verdict: String, Sendable, CaseIterable {
            /// Proven: nothing was charged, so asking again costs the price once.
            case notCharged = "not_charged"
            /// The price was charged, and the video is out of reach.
            case charged
            /// The record does not tell, or not yet.
            case undecidable
        }

        /// One way to go on.
        public struct Choice: Hashable, Sendable, Codable {
            /// `wait`, which is to do nothing, or what `POST /v1/jobs/{id}/decision` takes.
            public var decision: Open<Word>
            /// The most that may be charged from here on because of it.
            public var cost: Money
            /// A sentence for a person.
            public var message: String

            /// What there is to choose from.
            public enum Word: String, Sendable, CaseIterable {
                case wait, resubmit, agree
                case giveUp = "give_up"
            }

            public init(_ decision: Word, cost: Money, message: String) {
                self.decision = .known(decision)
                self.cost = cost
                self.message = message
            }
        }

        public init(
            kind: Open<Kind>, message: String, consent: ConsentPolicy? = nil, since: Date? = nil,
            priceAtRisk: Money? = nil, evidence: String? = nil, verdict: Open<Verdict>? = nil,
            choices: [Choice]? = nil, revision: Int64? = nil
        ) {
            self.kind = kind
            self.message = message
            self.consent = consent
            self.since = since
            self.priceAtRisk = priceAtRisk
            self.evidence = evidence
            self.verdict = verdict
            self.choices = choices
            self.revision = revision
        }

        enum CodingKeys: String, CodingKey {
            case kind, message, consent, since, evidence, verdict, choices, revision
            case priceAtRisk = "price_at_risk"
        }
    }

    /// Why a job waits although nothing went wrong with it. It goes on by itself, and nothing is paid meanwhile.
    public struct Hold: Hashable, Sendable, Codable {
        public var kind: Open<Kind>
        /// A sentence for a person.
        public var message: String
        /// When the reason ends by itself, at the latest.
        public var until: Date?

        /// What holds a job back.
        public enum Kind: String, Sendable, CaseIterable {
            /// The service has spent all that it may in this period.
            case spendingCap = "spending_cap"
            /// As many of its user's jobs are under way as may be; it begins when one of them ends.
            case turn
            /// The model is offline or at capacity.
            case model
            /// Whoever runs the service has stopped payments, of this user or altogether.
            case paused
        }

        /// Waits for one of its user's other jobs to end.
        public static let turn = Hold(
            kind: .known(.turn),
            message: "As many of your jobs are under way as may be at once; it begins when one ends.")
        /// Waits for the model to be there again.
        public static let model = Hold(
            kind: .known(.model), message: "The model is offline or at capacity; nothing is paid meanwhile.")

        /// Waits for whoever runs the service.
        public static let paused = Hold(
            kind: .known(.paused),
            message: "Whoever runs this service has paused it; nothing is paid meanwhile, and it goes on by itself.")

        public init(kind: Open<Kind>, message: String, until: Date? = nil) {
            self.kind = kind
            self.message = message
            self.until = until
        }
    }
}

/// The answer of `POST /v1/quotes`. Nothing is reserved, and the price may move.
public struct Quote: Hashable, Sendable, Codable {
    public var price: Money
    /// Whether the user's budget has room for it; nil where there is no budget.
    public var budget: Room?

    /// What is left of the user's budget.
    public struct Room: Hashable, Sendable, Codable {
        /// Whether a job of this price would be paid now.
        public var fits: Bool
        /// Each limit that the user has.
        public var limits: [Limit]

        public init(fits: Bool, limits: [Limit]) {
            self.fits = fits
            self.limits = limits
        }
    }

    /// One limit, with what is spent of it.
    public struct Limit: Hashable, Sendable, Codable {
        public var period: Open<BudgetPeriod>
        public var limit: Money
        /// What is spent or held for jobs under way.
        public var spent: Money
        /// When the next period begins.
        public var renewsAt: Date

        public init(period: Open<BudgetPeriod>, limit: Money, spent: Money, renewsAt: Date) {
            self.period = period
            self.limit = limit
            self.spent = spent
            self.renewsAt = renewsAt
        }

        enum CodingKeys: String, CodingKey {
            case period, limit, spent
            case renewsAt = "renews_at"
        }
    }

    public init(price: Money, budget: Room? = nil) {
        self.price = price
        self.budget = budget
    }
}
