import Foundation
import JobStore
public import Logging
import VideoModels

/// Looks at everything that a deployment stands on, all at the same time, each within a bound of its own. Changes nothing but
/// a test object in storage and a test file, which it removes, and costs nothing upstream.
public struct Doctor: Sendable {
    let configuration: Configuration
    let store: PostgresStore
    /// For one check.
    let limit: Duration

    /// Nil for `store` makes one for this time. Nothing is made on disk that is not there.
    public init(_ configuration: Configuration, limit: Duration = .seconds(15), log: Logger) {
        self.configuration = configuration
        self.limit = limit
        store = PostgresStore(
            conninfo: configuration.databaseURL.reveal(), direct: configuration.databaseDirectURL?.reveal(),
            secrets: Self.secrets(configuration), connections: 6, activeJobs: configuration.activeJobs, log: log)
    }

    /// One thing to look at. An error is a verdict as well.
    private struct Examination: Sendable {
        var name: String
        /// For the verdict when nothing comes of it.
        var mend: String
        var look: @Sendable (Doctor) async throws -> [CheckResult]

        init(
            _ name: String, mend: String, _ look: @escaping @Sendable (Doctor) async throws -> [CheckResult]
        ) {
            (self.name, self.mend, self.look) = (name, mend, look)
        }
    }

    /// Every check, in the order in which one would look. Returns when the last has come to its end or to its limit.
    public func examine() async -> Diagnosis {
        let found: [Int: [Diagnosis.Check]] = await withTaskGroup(of: (Int, [Diagnosis.Check]).self) { group in
            for (number, examination) in Self.all.enumerated() {
                group.addTask { (number, await run(examination)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        return Diagnosis(Self.all.indices.flatMap { found[$0] ?? [] })
    }

    /// Closes the connections, and does not wait for those that hang.
    public func leave() {
        let store = store
        Task { await store.close() }
    }

    private func run(_ examination: Examination) async -> [Diagnosis.Check] {
        let begin = ContinuousClock.now
        let results: [CheckResult]
        do {
            let found = try await within(limit) { try await examination.look(self) }
            results = found ?? [.fail("no answer within \(DurationText.show(limit.seconds))", mend: examination.mend)]
        } catch {
            results = [.fail("\(error)", mend: examination.mend)]
        }
        let seconds = (ContinuousClock.now - begin).seconds
        return results.map {
            Diagnosis.Check(
                name: examination.name, verdict: $0.verdict, what: $0.what, mend: $0.mend, seconds: seconds)
        }
    }

    private static let all: [Examination] = [
        Examination("database", mend: reach) { [DoctorRules.server(try await $0.store.serverFacts())] },
        Examination("migrations", mend: reach) { doctor in
            let migrator = Migrator(conninfo: doctor.configuration.databaseURL.reveal())
            return [DoctorRules.migrations(try await migrator.status())]
        },
        Examination("row_security", mend: reach) { [DoctorRules.rowSecurity(try await $0.store.serverFacts())] },
        Examination("clock_database", mend: reach) { [try await $0.databaseClock()] },
        Examination("clock_upstream", mend: reachUpstream) { [try await $0.upstreamClock()] },
        Examination("transactions", mend: reach) { [DoctorRules.transactions(try await $0.store.transactionFacts())] },
        Examination("bloat", mend: reach) { [DoctorRules.bloat(try await $0.store.tableFacts())] },
        Examination("autovacuum", mend: reach) {
            [DoctorRules.autovacuum(isOn: try await $0.store.serverFacts().hasAutovacuum)]
        },
        Examination("wake_ups", mend: reach) {
            [DoctorRules.wakeUps(areHeard: await $0.store.hearsNotifications(within: $0.limit.seconds / 2))]
        },
        Examination("processes", mend: reach) { [DoctorRules.processes(try await $0.store.processes())] },
        Examination("sealing_key", mend: reach) { [try await $0.sealingKey()] },
        Examination("state_directory", mend: "look at the directory that GONDOLA_STATE_DIR names") {
            try await $0.stateDirectory()
        },
        Examination("storage", mend: "look at GONDOLA_STORAGE, its permissions and its service") {
            try await $0.storage()
        },
        Examination("accounts", mend: reachUpstream) { await $0.accounts() },
        Examination("ffmpeg", mend: "install ffmpeg, or set GONDOLA_FFMPEG=none") { [try await $0.ffmpeg()] },
    ]

    private static let reach = "check DATABASE_URL, that Postgres runs, and that this machine may reach it"
    private static let reachUpstream = "check the network, VENICE_BASE_URL and VENICE_PROXY"
}
