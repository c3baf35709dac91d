import Crypto
import Foundation

/// One user: balance, windows and what is remembered to catch mistakes.
struct Account: Sendable {
    var balance: Cents
    var queueWindow: RateWindow
    var retrieveWindow: RateWindow
    var abuse: AbuseWindow
    /// Hashes of queue bodies that were accepted and whose answer did not arrive.
    var lostBodies: Set<String> = []

    init(_ configuration: Configuration, of bucket: String = "") {
        balance = bucket.hasPrefix(WalletCaller.prefix) ? configuration.walletBalance : configuration.balance
        let scale = configuration.timeScale
        queueWindow = RateWindow(limit: configuration.queueLimitPerMinute, seconds: 60 * scale)
        retrieveWindow = RateWindow(limit: configuration.retrieveLimitPerMinute, seconds: 60 * scale)
        abuse = AbuseWindow(limit: configuration.failureLimit, seconds: 30 * scale)
    }

    func isIdle(at now: Date) -> Bool {
        queueWindow.isIdle(at: now) && retrieveWindow.isIdle(at: now) && abuse.isIdle(at: now) && lostBodies.isEmpty
    }
}

/// What a request's headers say about who is asking. The key itself is not kept, only a digest of it.
enum Credential: Hashable, Sendable {
    case none
    case user(String)
    /// Signed for this request, and verified.
    case wallet(WalletCaller)
    /// A signature that was not believed; all that is known is where it came from.
    case unverified(peer: String)
    case bad(String)

    static let headers = ["authorization", "sign-in-with-x", "x-sign-in-with-x"]

    init(_ headers: [String: String]) {
        guard let field = headers["authorization"] else {
            let wallet = headers["sign-in-with-x"] ?? headers["x-sign-in-with-x"]
            self = wallet.map { .bad(Self.digest($0)) } ?? .none
            return
        }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            self = .bad(Self.digest(field))
            return
        }
        let key = String(parts[1])
        self = APIKey(key).map { .user($0.user) } ?? .bad(Self.digest(key))
    }

    /// Whose windows a call fills.
    var bucket: String {
        switch self {
        case .none: "anonymous"
        case .user(let user): user
        case .wallet(let caller): caller.user
        case .unverified(let peer): "ip-\(peer)"
        case .bad(let digest): "bad-\(digest)"
        }
    }

    /// Whose error budget a failure is counted on: a key's own, a wallet's address on the network.
    var failureBucket: String {
        if case .wallet(let caller) = self { Self.unverified(peer: caller.peer).bucket } else { bucket }
    }

    /// Whose jobs are meant and who pays: keys and wallets are users alike.
    var asUser: Credential {
        if case .wallet(let caller) = self { .user(caller.user) } else { self }
    }

    static func digest(_ text: String) -> String {
        SHA256.hash(data: Data(text.utf8)).prefix(12).map { String(format: "%02x", $0) }.joined()
    }
}
