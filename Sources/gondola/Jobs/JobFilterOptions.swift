import ArgumentParser
import Foundation
import JobStore
import SyncService

/// Which jobs are meant.
struct JobFilterOptions: ParsableArguments {
    @Option(help: "Only those of this user, by id or name.") var user: String?
    @Option(help: "Only those in this state: \(operatorJobStates.joined(separator: ", ")).") var state: String?
    @Option(help: "Only those for this model.") var model: String?
    @Option(help: "Only those that this account pays.") var account: String?
    @Option(
        help: ArgumentHelp(
            "Only those that failed, need a person or are held for this reason, such as budget_exceeded, unknown_outcome "
                + "or spending_cap.", valueName: "code"))
    var reason: String?
    @Option(help: "Only those taken in from then on: 24h or 30d ago, 2026-11-01, or 2026-11-01T09:30:00Z.")
    var since: Moment?
    @Option(help: "Only those taken in before then.") var before: Moment?
    @Option(
        help: ArgumentHelp("Only those of which nothing has changed for so long, such as 10m.", valueName: "duration"))
    var quietFor: String?

    func validate() throws {
        if let state, !operatorJobStates.contains(state) {
            throw ValidationError("--state must be one of \(operatorJobStates.joined(separator: ", "))")
        }
        if let quietFor, DurationText.parse(quietFor) == nil {
            throw ValidationError("--quiet-for must be a duration such as 10m")
        }
        if let since, let before, before.date <= since.date {
            throw ValidationError("--before must be later than --since")
        }
    }

    /// Whether nothing is said, so that all are meant.
    var isEmpty: Bool {
        user == nil && state == nil && model == nil && account == nil && reason == nil && since == nil && before == nil
            && quietFor == nil
    }

    func filter(in store: PostgresStore) async throws -> JobFilter {
        var filter = JobFilter(user: try await store.find(optional: user), state: state)
        (filter.model, filter.account, filter.reason) = (model, account, reason)
        (filter.since, filter.before) = (since?.date, before?.date)
        filter.quietFor = quietFor.flatMap(DurationText.parse)
        return filter
    }
}
