import Failpoints
import TestSupport
import VeniceSimulator

/// What happens when. Follows from the seed and the length alone; what a process is doing at that moment does not.
struct ChaosSchedule: Sendable {
    enum Action: Sendable {
        /// A user asks for a video: of a private model, which delivers by a link, or of another.
        case submit(user: Int, isPrivate: Bool)
        case kill(worker: Int)
        /// Stopped for so long, past its leases, and then let go on.
        case pause(worker: Int, seconds: Double)
        case restartDatabase(PostgresServer.Ending, awayFor: Double)
        /// Every session is ended by the server, which stays.
        case dropSessions
        case fault(Fault)
        case fillDisk(seconds: Double)

        /// For the table: the kind without its numbers.
        var kind: String { String("\(self)".prefix { $0 != "(" }) }
    }

    struct Event: Sendable {
        /// Seconds after the start.
        var at: Double
        var action: Action
    }

    let workers: Int
    let events: [Event]
    static let users = 2

    init(seed: UInt64, seconds: Double) {
        var dice = SplitMix(state: seed)
        let workers = 2 + Int(dice.next() % 3)
        var events: [Event] = []
        var now = 0.0
        while now < seconds {
            now += 0.05 + 0.45 * dice.unit()
            events.append(Event(at: now, action: Self.draw(workers, &dice)))
        }
        // Once, a whole minute: longer than any back-off.
        if seconds >= 120 {
            events.append(Event(at: seconds / 3, action: .restartDatabase(.immediate, awayFor: 60)))
        }
        self.workers = workers
        self.events = events.sorted { $0.at < $1.at }
    }

    var submissions: Int { events.count { if case .submit = $0.action { true } else { false } } }

    private static func draw(_ workers: Int, _ dice: inout SplitMix) -> Action {
        let worker = Int(dice.next() % UInt64(workers))
        switch dice.next() % 20 {
        case 0..<7: return .submit(user: Int(dice.next() % UInt64(users)), isPrivate: dice.next() % 2 == 0)
        case 7..<10: return .kill(worker: worker)
        case 10..<12: return .pause(worker: worker, seconds: 1 + 2 * dice.unit())
        case 12: return .restartDatabase(dice.pick(PostgresServer.Ending.allCases), awayFor: 3 * dice.unit())
        case 13: return .dropSessions
        case 14: return .fillDisk(seconds: 2 * dice.unit())
        default: return .fault(dice.pick(faults))
        }
    }

    /// Trouble that a client can come through by itself.
    private static let faults: [Fault] = {
        let queue: [Fault.Action] = [
            .loseAnswer, .swallow, .reset, .answerLate(milliseconds: 1500), .edgePage(status: 503),
            .tooManyRequests(form: .retryAfter, seconds: 1), .truncate(after: 20),
        ]
        let retrieve: [Fault.Action] = [
            .badGateway, .reset, .truncate(after: 5000), .edgePage(status: 502), .answerLate(milliseconds: 400),
            .emptyBody,
        ]
        let download: [Fault.Action] = [.truncate(after: 9000), .resetBody(after: 3000), .edgePage(status: 503)]
        let quote: [Fault.Action] = [.reset, .edgePage(status: 504), .answerLate(milliseconds: 300)]
        return queue.map { Fault(.init(endpoint: .queue), $0) } + retrieve.map { Fault(.init(endpoint: .retrieve), $0) }
            + download.map { Fault(.init(endpoint: .download), $0) } + quote.map { Fault(.init(endpoint: .quote), $0) }
    }()

    /// Where the life of a worker ends by itself, if it comes there: two of three lives are armed.
    static func order(seed: UInt64, worker: Int, life: Int) -> String? {
        var dice = SplitMix(state: seed ^ UInt64(worker) << 32 ^ UInt64(life) << 40)
        guard dice.next() % 3 > 0 else { return nil }
        return "\(dice.pick(Failpoint.ofJobs)):\(1 + dice.next() % 12)"
    }
}

/// The same numbers for the same seed, on every machine.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[Int(next() % UInt64(choices.count))] }
}
