import Foundation

/// What the service keeps of one wallet beside its balance.
struct WalletBook: Sendable {
    struct Row: Sendable {
        enum Kind: String, Sendable {
            case topUp = "TOP_UP"
            case charge = "CHARGE"
            case refund = "REFUND"
        }

        var id: String
        var kind: Kind
        /// Signed.
        var amount: Cents
        var balanceAfter: Cents
        var at: Date
        var requestID: String?
        var modelID: String?
    }

    static let mostConcurrent = 5

    /// Oldest first.
    var rows: [Row] = []
    /// Jobs that the provider has not accepted yet: they cost, but have not been charged.
    var pending: [String] = []
    /// Requests whose answer has not left whole.
    var underWay = 0
    var balanceWindow: RateWindow
    var transactionsWindow: RateWindow
    private var nonces: [String: Date] = [:]

    init(timeScale: Double) {
        balanceWindow = RateWindow(limit: 30, seconds: 60 * timeScale)
        transactionsWindow = RateWindow(limit: 20, seconds: 60 * timeScale)
    }

    /// False where the nonce has been used and is still remembered. Times here follow the wall clock, not the time scale:
    /// the freshness of a signature does too.
    mutating func consume(_ nonce: String, at now: Date) -> Bool {
        if nonces.count >= 1024 {
            nonces = nonces.filter { now.timeIntervalSince($0.value) <= SignInCheck.nonceMemory }
        }
        if let used = nonces[nonce], now.timeIntervalSince(used) <= SignInCheck.nonceMemory { return false }
        nonces[nonce] = now
        return true
    }

    mutating func enter(
        _ kind: Row.Kind, _ amount: Cents, balanceAfter: Cents, at now: Date, requestID: String? = nil,
        modelID: String? = nil
    ) {
        let id = "\(kind.rawValue.lowercased())_\(rows.count + 1)"
        rows.append(
            Row(
                id: id, kind: kind, amount: amount, balanceAfter: balanceAfter, at: now, requestID: requestID,
                modelID: modelID))
    }
}

/// Who signed in, and from where.
struct WalletCaller: Hashable, Sendable {
    /// Lower case.
    var address: String
    var peer: String

    static let prefix = "wallet-"
    /// The user that the wallet's jobs belong to.
    var user: String { Self.prefix + address }
}
