import Foundation
public import VideoModels

extension PostgresStore {
    /// Admits jobs that were left behind, after a limit was raised elsewhere or by a count that was wrong, and mends such
    /// counts. Returns how many users had jobs admitted. At most `limit` users a call.
    public func admitLeftBehind(limit: Int = 500) async throws -> Int {
        let activeJobs = activeJobs
        let users = try await pool.run { connection in
            try connection.execute(AdmissionStatements.leftBehind, [.int(activeJobs), .int(limit)])
                .map { try $0.id("id") as UserID }
        }
        var admitted = 0
        for user in users where try await mend(user) { admitted += 1 }
        return admitted
    }

    private func mend(_ user: UserID) async throws -> Bool {
        let activeJobs = activeJobs
        let admitted = try await pool.transaction { connection in
            // A statement of its own: the next one sees what those have written that held the lock before.
            try connection.execute(AdmissionStatements.lockUser, [.id(user)])
            try connection.execute(AdmissionStatements.recount, [.id(user)])
            return try connection.admitInTransaction([user], limit: activeJobs)
        }
        if !admitted.isEmpty { notifier.note(users: admitted, jobs: true) }
        return !admitted.isEmpty
    }

    /// Sets how many jobs of the user may be under way at once; nil for the deployment's limit. A higher one admits jobs at
    /// once, a lower one lets those go on that are under way. Returns the user's name.
    public func setActiveLimit(_ limit: Int?, of user: UserID) async throws -> String {
        let activeJobs = activeJobs
        let name = try await pool.transaction { connection in
            let values: [Value] = [.id(user), .optional(limit) { .int($0) }]
            let rows = try connection.execute(AdmissionStatements.setLimit, values)
            guard let name = try rows.first({ try $0.text("name") }) else { throw StoreError.notFound }
            _ = try connection.admitInTransaction([user], limit: activeJobs)
            return name
        }
        notifier.note(users: [user], jobs: true)
        return name
    }
}
