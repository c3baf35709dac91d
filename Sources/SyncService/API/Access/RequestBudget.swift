/// How many requests a minute each device (or whoever else) may make: the generic cell rate algorithm, a time a device.
///
/// A device that has rested may make a minute's worth at once; after that they come back one by one. Each process counts for
/// itself, so behind several a device has the sum of them. Time is given, so it can be tested.
struct RequestBudget<Key: Hashable & Sendable>: Sendable {
    struct Verdict: Hashable, Sendable {
        var isGranted: Bool
        /// How many could follow right away.
        var remaining: Int
        /// Until one more can: for a refusal, the least that is worth waiting.
        var wait: Duration
    }

    let perMinute: Int
    /// Devices that are remembered at most. When there are more, those that are in the middle of a minute start a new one.
    let capacity: Int
    /// When each device will have its whole minute again; one that has it is not in here.
    private var full: [Key: ContinuousClock.Instant] = [:]

    init(perMinute: Int, capacity: Int = 20_000) {
        (self.perMinute, self.capacity) = (perMinute, capacity)
    }

    /// How long one request takes to come back.
    private var interval: Duration { .seconds(60) / perMinute }

    mutating func take(_ device: Key, at now: ContinuousClock.Instant) -> Verdict {
        let verdict = look(device, at: now)
        guard verdict.isGranted else { return verdict }
        if full[device] == nil, full.count >= capacity { makeRoom(at: now) }
        full[device] = due(device, at: now)
        return verdict
    }

    private func due(_ device: Key, at now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        max(full[device] ?? now, now) + interval
    }

    /// What `take` would say now; nothing is taken.
    func look(_ device: Key, at now: ContinuousClock.Instant) -> Verdict {
        let over = now.duration(to: due(device, at: now)) - .seconds(60)
        guard over <= .zero else { return Verdict(isGranted: false, remaining: 0, wait: over) }
        // By a hair more than it is: a whole number of intervals must not come out as one less.
        let remaining = Int((.zero - over) / interval + 1e-6)
        return Verdict(isGranted: true, remaining: remaining, wait: remaining > 0 ? .zero : interval)
    }

    private mutating func makeRoom(at now: ContinuousClock.Instant) {
        full = full.filter { $0.value > now }
        if full.count >= capacity { full = [:] }
    }

    var count: Int { full.count }
}
