import Foundation

/// What one user has been asked to agree to, and has agreed to.
struct ConsentBook: Sendable {
    /// Digests of bodies, consents left out, that were answered with a question.
    var asked: Set<String> = []
    /// Digests of media, by their exact bytes, that the user has agreed about.
    var agreed: Set<String> = []
}

/// How much one account has called.
struct Traffic: Sendable {
    var queue: PeakWindow
    var retrieve: PeakWindow
    var failures: PeakWindow

    init(_ configuration: Configuration) {
        queue = PeakWindow(seconds: 60 * configuration.timeScale)
        retrieve = PeakWindow(seconds: 60 * configuration.timeScale)
        failures = PeakWindow(seconds: 30 * configuration.timeScale)
    }
}

/// One line of the rate-limit log.
struct LimitEntry: Sendable {
    var keyID: String
    var model: String
    var type: String
    var at: Date

    var json: JSONValue {
        [
            "apiKeyId": .string(keyID), "modelId": .string(model), "rateLimitTier": "paid",
            "rateLimitType": .string(type), "timestamp": .string(at.formatted(Ledger.time)),
        ]
    }
}

/// A set with a bound: beyond it the oldest is forgotten.
struct BoundedSet: Sendable {
    let capacity: Int
    private var members: Set<String> = []
    private var order: [String] = []

    init(capacity: Int) { self.capacity = capacity }

    func contains(_ member: String) -> Bool { members.contains(member) }

    /// Answers whether it was new.
    @discardableResult
    mutating func insert(_ member: String) -> Bool {
        guard members.insert(member).inserted else { return false }
        order.append(member)
        if order.count > 2 * capacity {
            for old in order.prefix(capacity) { members.remove(old) }
            order.removeFirst(capacity)
        }
        return true
    }
}
