public import Foundation
public import VideoModels

/// One wait of one job. A job whose lease was lost may wait twice for a moment, so its id would not do.
public struct DeskTicket: Hashable, Sendable {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }
}

/// The jobs of one account that wait for a request of one budget, and the order in which they get it. A value, told the
/// time.
public protocol WaitingLane: Sendable {
    /// What a job waits for.
    associatedtype Errand: Sendable

    var count: Int { get }
    mutating func join(_ ticket: DeskTicket, _ errand: Errand)
    mutating func leave(_ ticket: DeskTicket)
    /// Whether a request would be of use now.
    ///
    /// - Parameter rate: requests a second that there is budget for.
    func wantsTurn(at now: Date, rate: Double) -> Bool
    /// Takes the job whose turn it is out of the lane.
    mutating func next(at now: Date, rate: Double) -> DeskTicket?
}

/// Submissions: a user with a thousand of them gets as many turns as one with a single job.
public struct SubmissionLane: WaitingLane {
    /// Whose submission, how urgent, and since when it is wanted.
    public struct Errand: Hashable, Sendable {
        public var user: UserID
        public var priority: Job.Priority
        public var since: Date

        public init(user: UserID, priority: Job.Priority, since: Date) {
            self.user = user
            self.priority = priority
            self.since = since
        }
    }

    private var queue = FairQueue<UserID, DeskTicket>()

    public init() {}

    public var count: Int { queue.count }

    public mutating func join(_ ticket: DeskTicket, _ errand: Errand) {
        queue.join(ticket, of: errand.user, priority: errand.priority.rank, since: errand.since)
    }

    public mutating func leave(_ ticket: DeskTicket) { queue.leave(ticket) }
    public func wantsTurn(at now: Date, rate: Double) -> Bool { !queue.isEmpty }
    public mutating func next(at now: Date, rate: Double) -> DeskTicket? { queue.next() }
}

extension Job.Priority {
    /// The larger, the sooner; `normal` is 0.
    public var rank: Int {
        switch self {
        case .low: -1
        case .normal: 0
        case .high: 1
        }
    }

    public init(rank: Int) { self = Self.allCases.first { $0.rank == rank } ?? .normal }
}

extension PollLane: WaitingLane {
    public enum Errand: Sendable {
        /// A rendering, last seen under way `lastLook` seconds after its submission.
        case look(law: DurationLaw, submittedAt: Date, lastLook: Double)
        case cleanUp
    }

    public mutating func join(_ ticket: DeskTicket, _ errand: Errand) {
        switch errand {
        case .look(let law, let submittedAt, let lastLook):
            join(ticket, law: law, submittedAt: submittedAt, lastLook: lastLook)
        case .cleanUp: joinCleanUp(ticket)
        }
    }
}
