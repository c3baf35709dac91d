public import Foundation
public import VideoModels

/// The jobs of one account that wait for a request of its retrieve budget. A value, told the time.
///
/// Renderings are looked at in the order of `PollPlanner`. Clean-ups, which nobody waits for, get the turns that no
/// rendering wants, and one in eight of the others: the upstream's copies expire by themselves (PROTOCOL §7).
public struct PollLane: Sendable {
    public var planner: PollPlanner
    private var renderings: [Ticket: Rendering] = [:]
    private var cleanUps: [Ticket] = []
    private var turns = 0

    public typealias Ticket = DeskTicket

    private struct Rendering {
        var law: DurationLaw
        var submittedAt: Date
        /// Seconds after submission.
        var lastLook: Double
    }

    static let cleanUpShare = 8

    public init(planner: PollPlanner) { self.planner = planner }

    public var count: Int { renderings.count + cleanUps.count }
    public var isEmpty: Bool { count == 0 }

    /// A rendering waits to be looked at; it was last seen under way `lastLook` seconds after its submission.
    public mutating func join(_ ticket: Ticket, law: DurationLaw, submittedAt: Date, lastLook: Double) {
        renderings[ticket] = Rendering(law: law, submittedAt: submittedAt, lastLook: lastLook)
    }

    public mutating func joinCleanUp(_ ticket: Ticket) { cleanUps.append(ticket) }

    public mutating func leave(_ ticket: Ticket) {
        renderings[ticket] = nil
        cleanUps.removeAll { $0 == ticket }
    }

    /// Whether a request would be of use now.
    public func wantsTurn(at now: Date, rate: Double) -> Bool {
        !cleanUps.isEmpty || choice(at: now, rate: rate) != nil
    }

    /// Takes the job whose turn it is out of the lane.
    ///
    /// - Parameter rate: Requests a second that there is budget for.
    public mutating func next(at now: Date, rate: Double) -> Ticket? {
        turns += 1
        let isCleanUpTurn = turns % Self.cleanUpShare == 0 && !cleanUps.isEmpty
        guard !isCleanUpTurn, let chosen = choice(at: now, rate: rate) else {
            return cleanUps.isEmpty ? nil : cleanUps.removeFirst()
        }
        renderings[chosen] = nil
        return chosen
    }

    private func choice(at now: Date, rate: Double) -> Ticket? {
        let waiting = Array(renderings)
        let candidates = waiting.map { _, rendering in
            PollPlanner.Candidate(
                law: rendering.law, lastLook: rendering.lastLook,
                elapsed: now.timeIntervalSince(rendering.submittedAt))
        }
        return planner.next(among: candidates, rate: rate).map { waiting[$0].key }
    }
}
