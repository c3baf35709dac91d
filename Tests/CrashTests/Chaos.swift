import Foundation
import StackSupport
import SyncService
import TestSupport
import VeniceSimulator
import VideoModels

/// Several workers and users on a stack where everything goes wrong by schedule, and what came of it.
struct Chaos: Sendable {
    let seed: UInt64
    let seconds: Double
    let stack: Stack
    let server: PostgresServer

    struct Report: Sendable {
        var actions: [String: Int] = [:]
        var deaths: [String: Int] = [:]
        var jobs: [String: Int] = [:]
        var charges = 0
        var violations: [String] = []
        var head = ""

        var table: String {
            let rows = [("actions", actions), ("ends of workers", deaths), ("jobs", jobs)].map { name, counts in
                "  \(name): "
                    + counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            }
            let found = violations.isEmpty ? ["  violations: none"] : violations.map { "  VIOLATION: \($0)" }
            return ([head] + rows + ["  charges: \(charges)"] + found).joined(separator: "\n")
        }
    }

    @Sendable static func configure(_ configuration: inout VeniceSimulator.Configuration) {
        configuration.timeScale = CrashScenario.timeScale
        configuration.renderLaw = RenderLaw(medians: RenderLaw.usualMedians.mapValues { _ in 10 }, sigma: 0.5)
    }

    func callAsFunction() async throws -> Report {
        let schedule = ChaosSchedule(seed: seed, seconds: seconds)
        var report = Report()
        report.head = "chaos: seed \(seed), \(Int(seconds)) s, \(schedule.workers) workers"
        // Room for every video: it is full when the schedule says so, and then only.
        let disk = try SmallDisk(
            at: stack.directory.appending(path: "objects"), megabytes: 64 + 2 * schedule.submissions)
        defer { disk?.remove() }
        if disk == nil { report.head += "; the disk is never full: making a file system of its own needs root" }
        let crew = try ChaosCrew(seed: seed, stack: stack, workers: schedule.workers)
        let phones = (0..<ChaosSchedule.users).map { ChaosPhone(number: $0, stack: stack, crew: crew) }
        for phone in phones { try await phone.register() }
        await crew.start()
        let following = phones.map { phone in Task { await phone.follow() } }
        report.actions = try await play(schedule, crew, phones, disk)
        try await quiesce(crew, phones, disk)
        for task in following { await task.value }
        for phone in phones { report.violations += try await phone.settle() }
        report.violations += await crew.end()
        report.violations += try await Agreement(stack, states: crew.states).violations()
        report.deaths = await crew.deaths
        report.charges = try await stack.simulator.ledger().charges.count
        let states = try await stack.database.sql("select state, count(*) from jobs group by state")
        for line in states.split(separator: "\n") {
            let fields = line.split(separator: "|")
            report.jobs[String(fields[0])] = Int(fields[1])
        }
        return report
    }

    /// The schedule, at its times. An action that takes long holds up nothing that comes after it.
    private func play(
        _ schedule: ChaosSchedule, _ crew: ChaosCrew, _ phones: [ChaosPhone], _ disk: SmallDisk?
    ) async throws -> [String: Int] {
        let start = ContinuousClock.now
        let database = DatabaseSwitch(server, stack)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            var counts: [String: Int] = [:]
            for event in schedule.events {
                try await Task.sleep(until: start + .seconds(event.at), clock: .continuous)
                counts[event.action.kind, default: 0] += 1
                group.addTask { try await perform(event.action, crew, phones, disk, database) }
            }
            try await group.waitForAll()
            return counts
        }
    }

    private func perform(
        _ action: ChaosSchedule.Action, _ crew: ChaosCrew, _ phones: [ChaosPhone], _ disk: SmallDisk?,
        _ database: DatabaseSwitch
    ) async throws {
        switch action {
        case .submit(let user, let isPrivate): try await phones[user].submit(isPrivate: isPrivate)
        case .kill(let worker): await crew.kill(worker)
        case .pause(let worker, let seconds): try await crew.pause(worker, seconds: seconds)
        case .restartDatabase(let ending, let seconds): try await database.restart(ending, awayFor: seconds)
        case .dropSessions: await database.dropSessions()
        case .fault(let fault): try stack.simulator.inject([fault])
        case .fillDisk(let seconds): try await disk?.full(for: seconds)
        }
    }

    /// Nothing more goes wrong: waits until nothing is under way, and gives up what is of unknown outcome.
    private func quiesce(_ crew: ChaosCrew, _ phones: [ChaosPhone], _ disk: SmallDisk?) async throws {
        stack.simulator.clearFaults()
        await crew.calmDown()
        let end = ContinuousClock.now + .seconds(90)
        for phone in phones {
            while try await !phone.isAtRest(), ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        for phone in phones { try await phone.giveUpUnknown() }
        while try await stack.database.store.untilDue() != nil, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(50))
        }
        for phone in phones { phone.stop() }
    }
}

/// One outage at a time.
private actor DatabaseSwitch {
    private let server: PostgresServer
    private let stack: Stack
    private var isAway = false

    init(_ server: PostgresServer, _ stack: Stack) { (self.server, self.stack) = (server, stack) }

    func restart(_ ending: PostgresServer.Ending, awayFor seconds: Double) async throws {
        if isAway { return }
        isAway = true
        defer { isAway = false }
        try await server.stop(ending)
        try await Task.sleep(for: .seconds(seconds))
        try await server.start()
    }

    func dropSessions() async {
        if isAway { return }
        _ = try? await stack.database.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'gondola%'")
    }
}
