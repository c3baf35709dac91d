public import Foundation
public import VideoModels

/// What a wallet has left (`GET /x402/balance/{wallet}`).
public struct WalletBalance: Sendable, Hashable {
    public var wallet: String
    public var balance: Money
    public var canConsume: Bool?
    public var minimumTopUp: Money?
    public var suggestedTopUp: Money?
    /// Of a linked account; it is spent first, so topping up does not cure its shortage.
    public var balanceDIEM: Money?

    init?(_ json: JSON) {
        guard let data = json["data"], let wallet = data["walletAddress"]?.text, let balance = data.money("balanceUsd")
        else { return nil }
        self.wallet = wallet
        self.balance = balance
        canConsume = data["canConsume"]?.bool
        minimumTopUp = data.money("minimumTopUpUsd")
        suggestedTopUp = data.money("suggestedTopUpUsd")
        balanceDIEM = data.money("diemBalanceUsd")
    }
}

/// A page of a wallet's ledger, newest first (`GET /x402/transactions/{wallet}`).
public struct WalletTransactions: Sendable, Hashable {
    public var wallet: String
    public var balance: Money?
    public var transactions: [Transaction]
    public var limit: Int?
    public var offset: Int?
    /// Whether a later `offset` gives more.
    public var hasMore: Bool

    public struct Transaction: Sendable, Hashable {
        public var id: String
        /// Signed: a charge is negative. Several charges may belong to one request.
        public var amount: Money
        public var balanceAfter: Money?
        public var type: Open<Kind>
        public var createdAt: Date?
        public var requestID: String?
        public var model: String?

        public enum Kind: String, Sendable, CaseIterable {
            case topUp = "TOP_UP"
            case charge = "CHARGE"
            case refund = "REFUND"
        }
    }

    /// Nil when there is no list, or when one of its entries cannot be read: a ledger with holes misleads.
    init?(_ json: JSON) {
        guard let data = json["data"], let wallet = data["walletAddress"]?.text,
            let entries = data["transactions"]?.array
        else { return nil }
        transactions = entries.compactMap(Transaction.init)
        guard transactions.count == entries.count else { return nil }
        self.wallet = wallet
        balance = data.money("currentBalance")
        limit = data["pagination"]?["limit"]?.int
        offset = data["pagination"]?["offset"]?.int
        hasMore = data["pagination"]?["hasMore"]?.bool ?? false
    }
}

extension WalletTransactions.Transaction {
    init?(_ json: JSON) {
        guard let id = json["id"]?.text, let amount = json.money("amount"), let type = json["type"]?.text else {
            return nil
        }
        self.id = id
        self.amount = amount
        self.type = Open(type)
        balanceAfter = json.money("balanceAfter")
        createdAt = json["createdAt"]?.text.flatMap(Wire.date)
        requestID = json["requestId"]?.text
        model = json["modelId"]?.text
    }
}

/// What a payment credited (`POST /x402/top-up` with one).
public struct TopUpReceipt: Sendable, Hashable {
    public var wallet: String
    public var credited: Money
    public var balance: Money?
    public var paymentID: String?
    /// From the answer's `PAYMENT-RESPONSE` header.
    public internal(set) var settlement: Settlement?

    init?(_ json: JSON) {
        guard let data = json["data"], let wallet = data["walletAddress"]?.text,
            let credited = data.money("amountCredited")
        else { return nil }
        self.wallet = wallet
        self.credited = credited
        balance = data.money("newBalance")
        paymentID = data["paymentId"]?.text
    }
}

extension JSON {
    /// An amount in US dollars.
    func money(_ key: String) -> Money? { self[key]?.decimal.map(Money.init(usd:)) }
}
