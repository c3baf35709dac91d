import Foundation
import JobLifecycle
import JobStore
import Logging
import Synchronization
import VideoModels

/// Where jobs wait for a request of the retrieve budget, and learn whose turn it is. The shell of `PollLane`.
///
/// Requests are taken from the shared budget a handful at a time, so that none needs a round trip of its own, and each
/// goes at once to the job that it finds soonest.
final class PollDesk: Sendable {
    fileprivate struct State {
        var lanes: [String: PollLane] = [:]
        var waiters: [PollLane.Ticket: CheckedContinuation<Bool, Never>] = [:]
        var tickets: UInt64 = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let bell = Bell()
    private let closing = Bell()
    private let limit: RateLimit
    private let planner: PollPlanner
    private let take: @Sendable (_ account: String, _ wanted: Int) async throws -> PostgresStore.Grant
    private let log: Logger

    init(
        limit: RateLimit, planner: PollPlanner, log: Logger,
        take: @escaping @Sendable (_ account: String, _ wanted: Int) async throws -> PostgresStore.Grant
    ) {
        self.limit = limit
        self.planner = planner
        self.log = log
        self.take = take
    }

    /// What a job waits for.
    enum Errand: Sendable {
        case look(law: DurationLaw, submittedAt: Date, lastLook: Double)
        case cleanUp
    }

    /// Returns true when it is the job's turn, with one request granted that has to leave at once; false when the desk has
    /// closed or the task was cancelled.
    func turn(account: String, _ errand: Errand) async -> Bool {
        let ticket = state.withLock { $0.draw() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isSeated = state.withLock { state in
                    if state.isClosed || Task.isCancelled { return false }
                    state.seat(ticket, account, errand, planner)
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
        closing.ring()
    }

    /// Hands out turns until `close()`.
    func run() async {
        while !state.withLock(\.isClosed) {
            let accounts = state.withLock { state in state.lanes.filter { !$0.value.isEmpty }.map(\.key) }
            guard !accounts.isEmpty else {
                await bell.wait(atMost: .seconds(60))
                continue
            }
            for account in accounts { await serve(account) }
            await pause(beat)
        }
    }

    /// A beat of the desk in seconds: as long as grants stay good, so that what is taken together is used together.
    private var beat: TimeInterval { max(limit.slack, 1 / limit.rate, 0.005) }

    /// Time is the limit's business here, not the bell's: a job that sits down meanwhile waits for the next beat.
    private func pause(_ seconds: TimeInterval) async { await closing.wait(atMost: .seconds(seconds)) }

    private func serve(_ account: String) async {
        let wanted = max(1, Int((limit.rate * beat).rounded()))
        let useful = state.withLock { state in
            guard let lane = state.lanes[account] else { return 0 }
            return lane.wantsTurn(at: Date(), rate: limit.rate) ? min(wanted, state.waiters.count) : 0
        }
        guard useful > 0 else { return }
        do {
            guard case .granted(let count, _) = try await take(account, useful) else { return }
            for _ in 0..<count {
                state.withLock { $0.call(account, at: Date(), rate: limit.rate) }?.resume(returning: true)
            }
        } catch {
            log.warning("cannot take from the rate budget", metadata: ["error": "\(error)"])
            await pause(max(beat, 0.5))
        }
    }
}

extension PollDesk.State {
    fileprivate mutating func draw() -> PollLane.Ticket {
        tickets += 1
        return PollLane.Ticket(tickets)
    }

    fileprivate mutating func seat(
        _ ticket: PollLane.Ticket, _ account: String, _ errand: PollDesk.Errand, _ planner: PollPlanner
    ) {
        switch errand {
        case .look(let law, let submittedAt, let lastLook):
            lanes[account, default: PollLane(planner: planner)]
                .join(ticket, law: law, submittedAt: submittedAt, lastLook: lastLook)
        case .cleanUp: lanes[account, default: PollLane(planner: planner)].joinCleanUp(ticket)
        }
    }

    fileprivate mutating func remove(_ ticket: PollLane.Ticket) -> CheckedContinuation<Bool, Never>? {
        for account in lanes.keys { lanes[account]?.leave(ticket) }
        return waiters.removeValue(forKey: ticket)
    }

    fileprivate mutating func call(
        _ account: String, at now: Date, rate: Double
    ) -> CheckedContinuation<Bool, Never>? {
        lanes[account]?.next(at: now, rate: rate).flatMap { waiters.removeValue(forKey: $0) }
    }
}
