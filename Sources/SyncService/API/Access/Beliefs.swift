import VideoModels

/// Tokens that were looked up, and until when that is believed.
///
/// Two generations: when the younger is full, or has grown old, it becomes the elder and the elder is forgotten, so that
/// nothing is ever searched through to make room. What is forgotten is handed out: sessions may end with it, which is not to
/// happen under the lock that this is kept under.
struct Beliefs: Sendable {
    struct Belief: Sendable {
        fileprivate var caller: Caller
        fileprivate var until: ContinuousClock.Instant
    }

    typealias Forgotten = [Redacted<String>: Belief]

    let capacity: Int
    private var young: Forgotten = [:]
    private var old: Forgotten = [:]
    /// When the last of each generation is over.
    private var youngEnd: ContinuousClock.Instant?
    private var oldEnd: ContinuousClock.Instant?

    init(capacity: Int) {
        self.capacity = capacity
    }

    var count: Int { young.count + old.count }

    func caller(with token: Redacted<String>, at now: ContinuousClock.Instant) -> Caller? {
        guard let belief = young[token] ?? old[token], belief.until > now else { return nil }
        return belief.caller
    }

    mutating func add(
        _ token: Redacted<String>, of caller: Caller, until: ContinuousClock.Instant
    ) -> Forgotten {
        let forgotten = young.count >= max(1, capacity / 2) ? turn() : [:]
        young[token] = Belief(caller: caller, until: until)
        youngEnd = max(youngEnd ?? until, until)
        return forgotten
    }

    private mutating func turn() -> Forgotten {
        defer { (young, youngEnd, old, oldEnd) = ([:], nil, young, youngEnd) }
        return old
    }

    /// The elder when all of it is over. The younger is the elder from then on, so it is next.
    mutating func forgetExpired(at now: ContinuousClock.Instant) -> Forgotten {
        if let oldEnd, oldEnd > now { return [:] }
        return turn()
    }

    mutating func forget(_ device: DeviceID) -> Forgotten { forget { $0.device == device } }

    mutating func forget(_ user: UserID) -> Forgotten { forget { $0.user == user } }

    private mutating func forget(where fits: (Caller) -> Bool) -> Forgotten {
        func of(_ beliefs: Forgotten) -> Forgotten { beliefs.filter { fits($0.value.caller) } }
        let forgotten = of(young).merging(of(old)) { young, _ in young }
        for token in forgotten.keys { (young[token], old[token]) = (nil, nil) }
        return forgotten
    }

    mutating func forgetAll() -> [Forgotten] {
        defer { self = Beliefs(capacity: capacity) }
        return [young, old]
    }
}
