public import Foundation

/// What the simulator has seen, for tests to judge a client by. Times travel as ISO 8601 with milliseconds.
public struct Ledger: Sendable, Codable {
    public struct Charge: Sendable, Codable {
        public var queueID: String
        public var model: String
        public var usd: Cents
        public var at: Date
        public var requestSHA256: String
    }

    public struct Refund: Sendable, Codable {
        public var queueID: String
        public var usd: Cents
        public var at: Date
    }

    /// How often an endpoint was answered with a status; status 0 stands for no answer at all.
    public struct CallCount: Hashable, Sendable, Codable {
        public var endpoint: Endpoint
        public var status: Int
        public var count: Int
    }

    /// Something that a correct client never does.
    public struct Violation: Sendable, Codable {
        public enum Kind: String, Sendable, Codable {
            /// A queue body was refused by validation.
            case queueRefused = "queue_refused"
            /// A call beyond the rate limit.
            case overLimit = "over_limit"
            /// A call while the error budget's block held.
            case calledWhileBlocked = "called_while_blocked"
            /// A retrieve after a terminal answer had been delivered.
            case polledTerminalJob = "polled_terminal_job"
            /// A retrieve with the delete flag before any complete delivery.
            case deletedBeforeDelivery = "deleted_before_delivery"
            /// A Venice header at a private link.
            case credentialAtLink = "credential_at_link"
            /// A private link fetched before retrieve said COMPLETED.
            case linkBeforeCompleted = "link_before_completed"
            /// The same body again while an earlier one had lost its answer.
            case requeuedAfterLostAnswer = "requeued_after_lost_answer"
            /// Consent sent although nobody had asked for it.
            case consentUnasked = "consent_unasked"
            /// A retrieve or complete body with keys that do not belong there.
            case malformedRequest = "malformed_request"
            /// A call without a credential, or with a bad one.
            case unauthenticated
            /// A wallet's signature that had been used already.
            case nonceReused = "nonce_reused"
            /// More than one signature on one request.
            case signedTwice = "signed_twice"
            /// A key and a wallet's signature on one request.
            case bothCredentials = "both_credentials"
            /// A wallet's signature on a route that does not read one.
            case signatureUnasked = "signature_unasked"
            /// A payment on a route that does not take one.
            case paymentUnasked = "payment_unasked"
            /// A queue or quote body that had been refused for good was sent again unchanged.
            case repeatedAfterRefusal = "repeated_after_refusal"
            /// A job that was rendering was asked about again within a second.
            case polledTooOften = "polled_too_often"
            /// An id that had been refused as invalid was asked about again and again.
            case polledInvalidID = "polled_invalid_id"
            /// A quote body with keys that no price depends on.
            case quoteWithOtherFields = "quote_with_other_fields"
            /// A private link fetched from more networks than it allows.
            case linkFromManyNetworks = "link_from_many_networks"
        }

        public var kind: Kind
        public var at: Date
        public var endpoint: Endpoint
        public var queueID: String?
        public var detail: String
    }

    public struct Job: Sendable, Codable {
        public var queueID: String
        public var model: String
        public var state: String
        public var createdAt: Date
        /// When the outcome was there to be found.
        public var finishedAt: Date?
        /// When a retrieve told it for the first time.
        public var firstDetectedAt: Date?
        public var deliveredSHA256: String?
        public var deliveries: Int
        public var deleted: Bool
    }

    /// One that has signed in or been topped up.
    public struct Wallet: Sendable, Codable {
        public struct Transaction: Sendable, Codable {
            /// `TOP_UP`, `CHARGE` or `REFUND`.
            public var type: String
            /// Signed.
            public var usd: Cents
            public var balanceAfter: Cents
            public var at: Date
            public var requestID: String?
        }

        /// Lower case.
        public var address: String
        public var balance: Cents
        /// Oldest first.
        public var transactions: [Transaction]
    }

    /// One account, by a digest of who it is. Peaks are the most calls in any stretch of the window (scaled), refused
    /// ones included.
    public struct Account: Hashable, Sendable, Codable {
        public var account: String
        public var usd: Cents
        /// Queue calls in 60 s.
        public var queuePeak: Int
        /// Retrieve calls in 60 s.
        public var retrievePeak: Int
        /// Failures in 30 s that the error budget counts.
        public var failurePeak: Int
        public var failures: Int
    }

    /// How often a fault has struck.
    public struct FaultCount: Hashable, Sendable, Codable {
        public var endpoint: Endpoint
        public var action: String
        public var count: Int
    }

    public var charges: [Charge] = []
    public var refunds: [Refund] = []
    public var calls: [CallCount] = []
    public var violations: [Violation] = []
    public var jobs: [Job] = []
    public var wallets: [Wallet] = []
    public var accounts: [Account] = []
    public var faults: [FaultCount] = []

    public func calls(_ endpoint: Endpoint, status: Int? = nil) -> Int {
        calls.filter { $0.endpoint == endpoint && (status == nil || $0.status == status) }.reduce(0) { $0 + $1.count }
    }
}

extension Ledger {
    /// The ledger as `GET /_simulator/ledger` gives it.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(date.formatted(Self.time))
        }
        return try encoder.encode(self)
    }

    /// Reads what `json()` writes.
    public init(json: Data) throws {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            try Date(try decoder.singleValueContainer().decode(String.self), strategy: Self.time)
        }
        self = try decoder.decode(Ledger.self, from: json)
    }

    static let time = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}

extension Ledger.Charge {
    enum CodingKeys: String, CodingKey {
        case model, usd, at
        case queueID = "queue_id"
        case requestSHA256 = "request_sha256"
    }
}

extension Ledger.Account {
    enum CodingKeys: String, CodingKey {
        case account, usd, failures
        case queuePeak = "queue_peak"
        case retrievePeak = "retrieve_peak"
        case failurePeak = "failure_peak"
    }
}

extension Ledger.Refund {
    enum CodingKeys: String, CodingKey {
        case usd, at
        case queueID = "queue_id"
    }
}

extension Ledger.Violation {
    enum CodingKeys: String, CodingKey {
        case kind, at, endpoint, detail
        case queueID = "queue_id"
    }
}

extension Ledger.Wallet.Transaction {
    enum CodingKeys: String, CodingKey {
        case type, usd, at
        case balanceAfter = "balance_after"
        case requestID = "request_id"
    }
}

extension Ledger.Job {
    enum CodingKeys: String, CodingKey {
        case model, state, deliveries, deleted
        case queueID = "queue_id"
        case createdAt = "created_at"
        case finishedAt = "finished_at"
        case firstDetectedAt = "first_detected_at"
        case deliveredSHA256 = "delivered_sha256"
    }
}
