import Synchronization

/// When a loop last went round. Health means that the loops advance, not that the process lives.
final class Heartbeat: Sendable {
    let name: String
    /// How long a round may take, the wait after it included.
    let patience: Duration
    private let state: Mutex<(last: ContinuousClock.Instant, rounds: Int, isOver: Bool)>

    init(_ name: String, patience: Duration) {
        (self.name, self.patience) = (name, patience)
        state = Mutex((.now, 0, false))
    }

    func beat() { state.withLock { $0 = (.now, $0.rounds + 1, $0.isOver) } }

    /// The loop has come to its end in order, and is not waited for any more.
    func end() { state.withLock { $0.isOver = true } }

    var progress: Loops.Progress? {
        let (last, rounds, isOver) = state.withLock { $0 }
        return isOver ? nil : Loops.Progress(name: name, age: .now - last, patience: patience, rounds: rounds)
    }
}

/// The loops of a process that have to go round as long as it lives.
final class Loops: Sendable {
    struct Progress: Hashable, Sendable {
        /// One of a fixed few: it becomes a label of metrics.
        var name: String
        var age: Duration
        var patience: Duration
        var rounds: Int

        var isStuck: Bool { age > patience }
    }

    private let heartbeats = Mutex<[String: Heartbeat]>([:])

    /// A loop begins. One of the same name that has ended is replaced.
    func begin(_ name: String, patience: Duration) -> Heartbeat {
        let heartbeat = Heartbeat(name, patience: patience)
        heartbeats.withLock { $0[name] = heartbeat }
        return heartbeat
    }

    /// Of each loop that has begun and not ended, by name.
    var progress: [Progress] {
        heartbeats.withLock { Array($0.values) }.compactMap(\.progress).sorted { $0.name < $1.name }
    }

    var stuck: [Progress] { progress.filter(\.isStuck) }

    /// Whether a loop stands still that a new start of the process would help. Those that only look at the database, a disk or
    /// the upstream wait for these, which a new start does not mend: it would break off paid requests for nothing.
    var wantRestart: Bool { stuck.contains { Self.vital.contains($0.name) } }

    /// The loops of a worker that its jobs depend on.
    static let vital = claiming.union(["polls", "submissions"])
    /// Those without which it has no jobs.
    static let claiming: Set = ["claims", "renewals"]
}
