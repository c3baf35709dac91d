import Foundation
import JobLifecycle
import VideoModels

// A user has so many jobs under way and no more. The count of them moves in the statements that begin and end jobs; here
// those that wait get the places that became free.

extension Connection {
    /// Admits jobs of these users as far as there is room, in a transaction of its own. Returns whose.
    ///
    /// Comes after the one in which a job ended: should the process die in between, `admitLeftBehind` does the same.
    ///
    /// - Parameter limit: of users who have none of their own.
    func admit(_ users: Set<UserID>, limit: Int) throws -> [UserID] {
        try run("begin")
        do {
            let admitted = try admitInTransaction(users, limit: limit)
            try run("commit")
            return admitted
        } catch {
            if !isBroken { try? run("rollback") }
            throw error
        }
    }

    /// The same within the caller's transaction.
    func admitInTransaction(_ users: Set<UserID>, limit: Int) throws -> [UserID] {
        let ids = Value.text("{\(users.map(\.description).joined(separator: ","))}")
        let rooms = try execute(AdmissionStatements.room, [ids, .int(limit)]).map { row in
            (user: try row.id("id") as UserID, room: try row.int("room"))
        }
        return try rooms.filter { found in
            try execute(AdmissionStatements.admit, [.id(found.user), .int(min(found.room, 1000))]).count > 0
        }.map(\.user)
    }

    /// Gives the places of the jobs that have ended to those that wait for them. What fails here is found by
    /// `admitLeftBehind`.
    func admitNext(after written: [Written], limit: Int) {
        let steps = written.compactMap { try? $0.get() }.filter(\.madeRoom)
        guard !steps.isEmpty else { return }
        _ = try? admit(Set(steps.map(\.record.user)), limit: limit)
    }
}

extension JobRecord {
    /// Taken in, but as many of the user's jobs are under way as may be.
    public var isWaitingForTurn: Bool { progress.state == .accepted && nextActionAt == nil }
}
