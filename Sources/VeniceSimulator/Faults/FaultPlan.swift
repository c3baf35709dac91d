/// Decides, call by call, what goes wrong: the scripted faults in their order first, then chaos. Pure: the same script,
/// seed and calls give the same faults.
struct FaultPlan: Sendable {
    /// One call's place in the plan. What it draws depends on its number alone, however many stages it is asked in.
    struct Ticket: Sendable {
        let endpoint: Endpoint
        let number: Int
    }

    /// The most scripted faults that are held at once.
    static let capacity = 10_000

    private struct Scripted: Sendable {
        var fault: Fault
        var seen = 0
    }

    private let seed: UInt64
    private let chaosRate: Double
    private var scripted: [Scripted] = []
    private var calls = 0

    init(seed: UInt64 = 0, chaosRate: Double = 0) {
        self.seed = seed
        self.chaosRate = chaosRate
    }

    /// Adds faults after those that are there.
    mutating func inject(_ faults: [Fault]) throws(InvalidFault) {
        for fault in faults { try Self.check(fault) }
        guard scripted.count + faults.count <= Self.capacity else {
            throw InvalidFault(description: "at most \(Self.capacity) faults are held at once")
        }
        scripted += faults.map { Scripted(fault: $0) }
    }

    mutating func clear() { scripted = [] }

    mutating func begin(_ endpoint: Endpoint) -> Ticket {
        calls += 1
        return Ticket(endpoint: endpoint, number: calls)
    }

    /// Asked as soon as the endpoint is known, for faults that strike before the body is read.
    mutating func earlyAction(_ ticket: Ticket) -> Fault.Action? {
        if let action = scriptedAction(ticket, model: nil, early: true) { return action }
        guard let action = chaos(ticket), action.isEarly else { return nil }
        return action
    }

    /// Asked once the body is there.
    mutating func action(_ ticket: Ticket, model: String?) -> Fault.Action? {
        if let action = scriptedAction(ticket, model: model, early: false) { return action }
        guard let action = chaos(ticket), !action.isEarly else { return nil }
        return action
    }

    /// Counts the call with every fault that it matches. The first that is due acts; another that is due waits for the
    /// next call.
    private mutating func scriptedAction(_ ticket: Ticket, model: String?, early: Bool) -> Fault.Action? {
        var found: Fault.Action?
        for index in scripted.indices where scripted[index].fault.action.isEarly == early {
            let match = scripted[index].fault.match
            guard match.endpoint == nil || match.endpoint == ticket.endpoint else { continue }
            guard match.model == nil || match.model == model else { continue }
            guard match.endpoint != nil || ticket.endpoint != .connection else { continue }
            let isDue = scripted[index].seen + 1 >= match.nth ?? 1
            if isDue && found != nil { continue }
            scripted[index].seen += 1
            if isDue { found = scripted[index].fault.action }
        }
        scripted.removeAll(where: Self.isSpent)
        return found
    }

    private static func isSpent(_ entry: Scripted) -> Bool {
        let count = entry.fault.match.count ?? 1
        return count > 0 && entry.seen >= (entry.fault.match.nth ?? 1) + count - 1
    }

    private func chaos(_ ticket: Ticket) -> Fault.Action? {
        guard chaosRate > 0 else { return nil }
        var dice = Dice(seed: seed, "chaos|\(ticket.number)")
        guard dice.unit() < chaosRate else { return nil }
        return ChaosMenu.draw(ticket.endpoint, &dice)
    }

    private static func check(_ fault: Fault) throws(InvalidFault) {
        if fault.action.isEarly && fault.match.model != nil {
            throw InvalidFault(description: "reset strikes before the body is read, so it cannot match a model")
        }
        if fault.match.endpoint == .connection && fault.action != .reset {
            throw InvalidFault(description: "a connection that has sent nothing can only be reset")
        }
        let most = 1_000_000_000
        if let nth = fault.match.nth, !(1...most).contains(nth) {
            throw InvalidFault(description: "nth must be 1…\(most), not \(nth)")
        }
        if let count = fault.match.count, !(0...most).contains(count) {
            throw InvalidFault(description: "count must be 0…\(most), not \(count)")
        }
        try check(fault.action)
    }

    private static func check(_ action: Fault.Action) throws(InvalidFault) {
        /// In milliseconds: no fault lasts longer.
        let day = 0...86_400_000
        switch action {
        case .reply(let status, _, _, _) where !(200...599).contains(status):
            throw InvalidFault(description: "status must be 200…599, not \(status)")
        case .edgePage(let status) where !(400...599).contains(status):
            throw InvalidFault(description: "an edge page has a status 400…599, not \(status)")
        case .drip(let bytes, let pause) where bytes < 1 || !day.contains(pause):
            throw InvalidFault(description: "drip needs at least 1 byte and a pause of 0…\(day.upperBound) ms")
        case .truncate(let bytes), .stall(let bytes), .resetAfter(let bytes), .resetBody(let bytes):
            if bytes < 0 { throw InvalidFault(description: "a number of bytes is negative: \(bytes)") }
        case .answerLate(let milliseconds) where !day.contains(milliseconds):
            throw InvalidFault(description: "milliseconds must be 0…\(day.upperBound), not \(milliseconds)")
        case .flood(let bytes) where !(20...1 << 40).contains(bytes):
            throw InvalidFault(description: "a flood has 20…\(1 << 40) bytes, not \(bytes)")
        case .tooManyRequests(_, let seconds) where !(0...86_400).contains(seconds),
            .block(let seconds) where !(0...86_400).contains(seconds):
            throw InvalidFault(description: "seconds must be 0…86400, not \(seconds)")
        default: break
        }
    }
}

/// A fault that cannot be.
public struct InvalidFault: Error, CustomStringConvertible {
    public var description: String
}
