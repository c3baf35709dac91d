import Foundation
import JobLifecycle
import VideoModels

// A user has so many jobs under way and no more. Whoever writes jobs calls `settleSeats` once in the same transaction,
// with what became of them; everything else follows here.

extension Connection {
    /// Keeps the count of the users' active jobs, and admits jobs that wait where that made room. Returns how many.
    ///
    /// Call it after the jobs are written, in their transaction, while it holds the locks on the users' rows (every step
    /// that begins or ends a job publishes, and drawing its sequence takes that lock). Without a change it asks nothing.
    ///
    /// - Parameter limit: of users who have none of their own.
    @discardableResult
    func settleSeats(_ changes: SeatChanges, limit: Int) throws -> Int {
        guard !changes.isEmpty else { return 0 }
        let sorted = changes.byUser.sorted { $0.key.description < $1.key.description }
        let users = Value.text("{\(sorted.map(\.key.description).joined(separator: ","))}")
        let deltas = Value.text("{\(sorted.map { String($0.value) }.joined(separator: ","))}")
        let rooms = try execute(AdmissionStatements.settle, [users, deltas, .int(limit)]).map { row in
            (user: try row.id("id") as UserID, room: try row.int("room"))
        }
        return try rooms.reduce(0) { admitted, found in
            admitted
                + (try execute(AdmissionStatements.admit, [.id(found.user), .int(min(found.room, 1000))])).count
        }
    }
}

/// How steps of jobs change the number of active jobs of their users.
struct SeatChanges {
    private(set) var byUser: [UserID: Int] = [:]

    var isEmpty: Bool { byUser.isEmpty }

    /// Looks for users that have room although none of their jobs ended just now.
    init(lookingAt user: UserID) { byUser = [user: 0] }

    init() {}

    init(_ before: JobRecord, to after: JobRecord) { add(before, to: after) }

    /// One job's step. A step that neither begins nor ends it changes nothing.
    mutating func add(_ before: JobRecord, to after: JobRecord) {
        guard before.isActive != after.isActive else { return }
        byUser[after.user, default: 0] += after.isActive ? 1 : -1
    }
}

extension JobRecord {
    /// Taken in, but as many of the user's jobs are under way as may be.
    public var isWaitingForTurn: Bool { progress.state == .accepted && nextActionAt == nil }

    /// Whether the job takes one of its user's places: on its way to a video, and not waiting for a person.
    public var isActive: Bool {
        switch progress.state {
        case .accepted: nextActionAt != nil
        case .quoted, .submitting, .rendering, .downloading: true
        case .ready, .failed, .cancelled, .attention: false
        }
    }
}
