import FeedSync
import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// Postgres is gone for longer than leases last and for several back-offs, at each state of a job.
///
/// Leases and back-off are sixteen times as short as by default, and so is the outage: some seconds stand for a minute. The
/// listener's and the claimer's rhythm of a second is the real one. `make chaos` has a whole minute at the real pace.
@Suite(.serialized, .timeLimit(.minutes(10))) struct OutageTests {
    /// Where a process stands still while its database goes away. The state that the job is in then.
    static let places = [
        "accepted": "quoteSending", "quoted": "stepWritten:1", "submitting": "queueHead",
        "rendering": "retrieveSending",
        "downloading": "stageWritten", "ready": "removalWanted",
    ]

    @Test func `a database that goes away costs time and nothing else, whatever state the job is in`() async throws {
        try await PostgresServer.with { server in
            for (state, place) in Self.places.sorted(by: { $0.key < $1.key }) {
                try await server.withDatabase { database in
                    try await Stack.with(database, Self.configure) { stack in
                        try await outage(on: server, stack, state, at: place)
                    }
                }
            }
        }
    }

    private func outage(on server: PostgresServer, _ stack: Stack, _ state: String, at place: String) async throws {
        let process = try await stack.start(
            Self.rhythm(["GONDOLA_FAILPOINT": "\(place)=stop"]), program: "crash-worker")
        // The process may stand still before it has answered.
        let submission = JobSubmission(request: Stack.textRequest())
        let submitted = Task { try await stack.phone(process).submit(submission, idempotencyKey: "once") }
        try await process.line { $0["message"] == "failpoint" }
        #expect(try await stack.database.sql("select state from jobs") == state)
        try await server.stop(state == "quoted" ? .fast : .immediate)
        let before = CPUTime(process)
        process.goOn()
        let elapsed = try await ContinuousClock().measure { try await server.waitForRefusals(16) }
        Self.check(server.refused, CPUTime(process).seconds - before.seconds, elapsed, state)
        try await server.start()
        // Whatever became of the first question: the same again is the same job.
        _ = try? await submitted.value
        let phone = try stack.phone(process)
        let job = try await Self.patiently { try await phone.submit(submission, idempotencyKey: "once") }.job.id
        try await Self.finish(job, stack, process, state)
        #expect(try await stack.simulator.ledger().charges.count == 1, "\(state)")
    }

    @Test func `a job that waits for a person's decision is still there after the database was away`() async throws {
        try await PostgresServer.with { server in
            try await server.withDatabase { database in
                try await Stack.with(database, Self.configure) { stack in
                    try stack.simulator.inject([Fault(.init(endpoint: .queue), .loseAnswer)])
                    let process = try await stack.start(Self.rhythm(), program: "crash-worker")
                    let phone = try stack.phone(process)
                    let job = try await phone.submit(
                        JobSubmission(request: Stack.textRequest()), idempotencyKey: "once"
                    ).job.id
                    try await process.line { $0["message"] == "outcome of a paid submission is unknown" }
                    try await server.stop(.immediate)
                    try await server.waitForRefusals(8)
                    try await server.start()
                    let waiting = try await Self.patiently { try await phone.job(job) }.job
                    #expect(waiting.status == .known(.attention))
                    _ = try await phone.decide(.giveUp, on: waiting)
                    #expect(await process.terminate() == 0)
                    #expect(try await Agreement(stack).violations(decided: 1) == [])
                }
            }
        }
    }

    @Test func `a worker that starts while the database is away waits for it, and ends when it is told to`()
        async throws
    {
        try await PostgresServer.with { server in
            try await server.withDatabase { database in
                try await Stack.with(database, Self.configure) { stack in
                    // A paid answer lies in the journal.
                    let order = ["GONDOLA_FAILPOINT": "journalDurable"]
                    let first = try await stack.start(Self.rhythm(order), program: "crash-worker")
                    let phone = try stack.phone(first)
                    let job = try await phone.submit(
                        JobSubmission(request: Stack.textRequest()), idempotencyKey: "once"
                    ).job.id
                    #expect(await first.waitUntilGone() == -SIGKILL)
                    try await server.stop(.immediate)

                    let told = try await stack.launch(Self.rhythm(), program: "crash-worker")
                    try await told.line { $0["message"] == "waiting for the database" }
                    #expect(await told.terminate() == 0)

                    let second = try await stack.launch(Self.rhythm(), program: "crash-worker")
                    try await second.line { $0["message"] == "waiting for the database" }
                    #expect(Journal(stack).holdsAnswer)
                    try await server.start()
                    try await second.waitUntilReady()
                    try await Self.finish(job, stack, second, "starting")
                    #expect(try await stack.simulator.ledger().charges.count == 1)
                }
            }
        }
    }

    // MARK: - what they share

    @Sendable static func configure(_ configuration: inout VeniceSimulator.Configuration) {
        configuration.timeScale = CrashScenario.timeScale
        configuration.renderLaw = RenderLaw(medians: RenderLaw.usualMedians.mapValues { _ in 5 }, sigma: 0)
    }

    static func rhythm(_ extra: [String: String] = [:]) -> [String: String] {
        [
            "GONDOLA_TIME_SCALE": "\(CrashScenario.timeScale)", "GONDOLA_LEASE": "15s", "GONDOLA_LEASE_RENEWAL": "5s",
            "GONDOLA_CLAIM_INTERVAL": "\(1 / CrashScenario.timeScale)s", "GONDOLA_DATABASE_CONNECTIONS": "3",
        ].merging(extra) { $1 }
    }

    /// Every loop that asks the database keeps to its rhythm: the claimer and the listener once a second, the renewal three
    /// times, one job's commit or a turn at the desk, the feed. A loop that spins makes thousands.
    private static func check(_ attempts: Int, _ cpu: Double, _ elapsed: Duration, _ state: String) {
        let seconds = elapsed / .seconds(1)
        #expect(Double(attempts) <= 20 + 20 * seconds, "\(state): \(attempts) connections in \(seconds) s")
        #expect(cpu <= 0.5 + 0.5 * seconds, "\(state): \(cpu) s of CPU in \(seconds) s")
    }

    private static func finish(
        _ job: JobID, _ stack: Stack, _ process: GondolaProcess, _ state: String
    ) async throws {
        let phone = try stack.phone(process)
        var follower = FeedClient(phone)
        repeat { _ = try await follower.next() } while follower.copy.jobs[job]?.status.known?.isFinal != true
        #expect(follower.copy.jobs[job]?.status == .known(.ready), "\(state)")
        while try await stack.database.store.untilDue() != nil {
            let seen = process.lineCount
            if try await stack.database.store.untilDue() != nil { await process.waitForNews(after: seen) }
        }
        #expect(process.isRunning, "\(state)")
        #expect(await process.terminate() == 0, "\(state)")
        #expect(try await Agreement(stack).violations() == [], "\(state)")
    }

    /// Asks again while the process finds its way back to the database.
    private static func patiently<T>(_ ask: () async throws -> T) async throws -> T {
        while true {
            do { return try await ask() } catch let error as PhoneClientError where error.isPassing {
                await Task.yield()
            }
        }
    }
}

/// What a process has used so far, as the kernel counts it.
struct CPUTime {
    let seconds: Double

    init(_ process: GondolaProcess) {
        let text = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)) ?? ""
        // After the name in parentheses: state, then ten fields, then user and system time.
        let fields = text.split(separator: ")").last?.split(separator: " ").map(String.init) ?? []
        let ticks = fields.count > 12 ? (Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0) : 0
        seconds = ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
