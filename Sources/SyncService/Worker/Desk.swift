import Foundation
import JobLifecycle
import JobStore
import Logging
import Synchronization

/// Where jobs wait for a request of a budget that all workers share, and learn whose turn it is. The shell of a lane.
///
/// Requests are taken from the budget a handful at a time, so that none needs a round trip of its own, and each goes at
/// once to the job whose turn it is. A job that waits here writes nothing.
final class Desk<Lane: WaitingLane>: Sendable {
    fileprivate struct State {
        var lanes: [String: Lane] = [:]
        var waiters: [DeskTicket: CheckedContinuation<Bool, Never>] = [:]
        /// When each account's budget is asked next.
        var askAt: [String: ContinuousClock.Instant] = [:]
        var tickets: UInt64 = 0
        var isClosed = false
    }

    /// How the budget is asked.
    enum Pace: Sendable {
        /// Once in a beat for what the beat may use: time is the limit's business, not that of whoever sits down.
        case evenly
        /// As soon as somebody waits, until it says to wait.
        case atOnce
    }

    private let state = Mutex(State())
    private let bell = Bell()
    private let limit: RateLimit
    private let pace: Pace
    private let lane: @Sendable () -> Lane
    private let take: @Sendable (_ account: String, _ wanted: Int) async throws -> PostgresStore.Grant
    private let log: Logger

    init(
        limit: RateLimit, pace: Pace, log: Logger, lane: @escaping @Sendable () -> Lane,
        take: @escaping @Sendable (_ account: String, _ wanted: Int) async throws -> PostgresStore.Grant
    ) {
        self.limit = limit
        self.pace = pace
        self.log = log
        self.lane = lane
        self.take = take
    }

    /// Returns true when it is the job's turn, with one request granted that has to leave at once; false when the desk has
    /// closed or the task was cancelled.
    func turn(account: String, _ errand: Lane.Errand) async -> Bool {
        let ticket = state.withLock { $0.draw() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isSeated = state.withLock { state in
                    if state.isClosed || Task.isCancelled { return false }
                    state.lanes[account, default: lane()].join(ticket, errand)
                    state.waiters[ticket] = continuation
                    return true
                }
                if isSeated { bell.ring() } else { continuation.resume(returning: false) }
            }
        } onCancel: {
            state.withLock { $0.remove(ticket) }?.resume(returning: false)
        }
    }

    var waiting: Int { state.withLock { $0.waiters.count } }

    /// Sends everybody home, for good.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { (state.waiters, state.lanes) = ([:], [:]) }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: false) }
        bell.ring()
    }

    /// Hands out turns until `close()`.
    func run(_ heartbeat: Heartbeat? = nil) async {
        defer { heartbeat?.end() }
        while !state.withLock(\.isClosed) {
            heartbeat?.beat()
            let now = ContinuousClock.now
            let (due, next) = state.withLock { $0.agenda(at: now) }
            for account in due {
                let wait = await serve(account)
                state.withLock { $0.askAt[account] = .now + .seconds(wait) }
            }
            if due.isEmpty { await bell.wait(atMost: next.map { $0 - now } ?? .seconds(60)) }
        }
    }

    /// A beat of the desk in seconds: as long as grants stay good, so that what is taken together is used together.
    private var beat: TimeInterval { max(limit.slack, 1 / limit.rate, 0.005) }

    /// What is asked for at a time: grants must leave before they go stale.
    private var handful: Int {
        switch pace {
        case .evenly: max(1, Int((limit.rate * beat).rounded()))
        case .atOnce: 8
        }
    }

    /// Returns after how many seconds to ask again.
    private func serve(_ account: String) async -> TimeInterval {
        let useful = state.withLock { state in
            guard let lane = state.lanes[account], lane.wantsTurn(at: Date(), rate: limit.rate) else { return 0 }
            return min(handful, lane.count)
        }
        guard useful > 0 else { return beat }
        do {
            switch try await take(account, useful) {
            case .granted(let count, _):
                for _ in 0..<count {
                    state.withLock { $0.call(account, at: Date(), rate: limit.rate) }?.resume(returning: true)
                }
                return pace == .evenly ? beat : 0
            // A pause may end before its time, by a probe that went well.
            case .wait(let seconds): return pace == .evenly ? beat : min(seconds, max(beat, 1))
            }
        } catch {
            log.warning("cannot take from the rate budget", metadata: ["error": "\(error)"])
            return max(beat, 0.5)
        }
    }
}

extension Desk.State {
    fileprivate mutating func draw() -> DeskTicket {
        tickets += 1
        return DeskTicket(tickets)
    }

    /// Whose budget is to be asked now, or else when the next one is.
    fileprivate func agenda(
        at now: ContinuousClock.Instant
    ) -> (due: [String], next: ContinuousClock.Instant?) {
        let waiting = lanes.filter { $0.value.count > 0 }.keys
        let due = waiting.filter { (askAt[$0] ?? now) <= now }
        return (due.sorted(), waiting.compactMap { askAt[$0] }.min())
    }

    fileprivate mutating func remove(_ ticket: DeskTicket) -> CheckedContinuation<Bool, Never>? {
        for account in lanes.keys { lanes[account]?.leave(ticket) }
        return waiters.removeValue(forKey: ticket)
    }

    fileprivate mutating func call(
        _ account: String, at now: Date, rate: Double
    ) -> CheckedContinuation<Bool, Never>? {
        lanes[account]?.next(at: now, rate: rate).flatMap { waiters.removeValue(forKey: $0) }
    }
}

/// Looks at renderings, and clean-ups.
typealias PollDesk = Desk<PollLane>
/// Submissions, fairly among users.
typealias SubmissionDesk = Desk<SubmissionLane>

extension Desk where Lane == PollLane {
    typealias Errand = PollLane.Errand

    convenience init(
        limit: RateLimit, planner: PollPlanner, log: Logger,
        take: @escaping @Sendable (_ account: String, _ wanted: Int) async throws -> PostgresStore.Grant
    ) {
        self.init(limit: limit, pace: .evenly, log: log, lane: { PollLane(planner: planner) }, take: take)
    }
}

extension Desk where Lane == SubmissionLane {
    convenience init(
        limit: RateLimit, log: Logger,
        take: @escaping @Sendable (_ account: String, _ wanted: Int) async throws -> PostgresStore.Grant
    ) {
        self.init(limit: limit, pace: .atOnce, log: log, lane: { SubmissionLane() }, take: take)
    }

    /// How long a granted request may wait for its intent to be durable before it has to be granted anew: by then others
    /// may have used its place in the upstream's window.
    static func isStale(_ grantedAt: ContinuousClock.Instant, _ limit: RateLimit) -> Bool {
        ContinuousClock.now - grantedAt > .seconds(max(limit.slack / 2, 0.25))
    }
}
