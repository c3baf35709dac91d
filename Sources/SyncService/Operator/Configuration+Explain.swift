import Foundation
import JobLifecycle
public import JobStore
public import VideoModels

extension Configuration {
    /// What holds a job now. Asks the database alone. Throws `StoreError.notFound` where there is no such job.
    public func explanation(of id: JobID, from store: PostgresStore) async throws -> Explanation {
        let record = try await store.report(of: id).record
        let overview = try await store.overview(within: 5)
        var facts = ExplainFacts(record: record, at: overview.at, limits: try await limitReport(from: store))
        facts.processes = try await store.processes()
        facts.line = try await store.line(of: record)
        facts.cap = Budget(
            limits: budgets.cap, spentToday: overview.spentToday, spentThisMonth: overview.spentThisMonth)
        facts.hasAccount = accounts.contains { $0.account.id == record.account }
        facts.isModelOffline = try await isOffline(try record.request.model, record.account, store)
        // A bucket has no end; a directory of another machine cannot be looked at from here.
        if !storage.hasPrefix("s3://") { facts.room = freeBytes(at: storage).map { ($0, storageFloor) } }
        return Explanation(facts)
    }

    /// By the list that a worker saved last.
    private func isOffline(_ model: String, _ account: String, _ store: PostgresStore) async throws -> Bool {
        let names = [account] + accounts.filter(\.takesNewJobs).map(\.account.id)
        for name in names {
            guard let models = try await store.savedModels(account: name) else { continue }
            return models.first { $0.id == model }?.isOffline ?? false
        }
        return false
    }
}
