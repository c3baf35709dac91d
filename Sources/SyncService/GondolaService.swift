import AsyncAlgorithms
import Foundation
import HTTPTransport
import JobLifecycle
import JobStore
public import Logging
import ObjectStorage
import VeniceTransport
import VideoModels

/// A process of Gondola: the phone's API, a worker, or both. The only place where the adapters meet.
public struct GondolaService: Sendable {
    private let configuration: Configuration
    private let roles: Set<Role>
    private let log: Logger

    public enum Role: Hashable, Sendable { case api, worker }

    public init(configuration: Configuration, roles: Set<Role>, log: Logger) {
        self.configuration = configuration
        self.roles = roles
        self.log = log
    }

    /// Runs until SIGTERM or SIGINT, then drains: no new work, what is in hand comes to its next durable point, waiting
    /// feeds are answered, and it returns within the grace period.
    ///
    /// `onReady` is told where it listens, once it serves. Throws `SetupError` and the like if it cannot start.
    public func run(
        onReady: @Sendable (_ api: ListenAddress?, _ ops: ListenAddress?) async throws -> Void
    ) async throws {
        let signals = ShutdownSignal()
        let parts = try ServiceParts(configuration, roles: roles, log: log)
        defer {
            parts.http.stop()
            parts.storage.stop()
        }
        try await parts.waitForDatabase()
        guard try await parts.store.sharesSealingKey() else {
            throw SetupError(
                "this process has another key than the one that the database's secrets are sealed with; copy secret.key "
                    + "from the first state directory and name it with GONDOLA_SECRET_KEY_FILE")
        }
        try await parts.storage.checkAtStart(log)
        await parts.models.load()
        if roles.contains(.worker) {
            try parts.state.lock()
            try await parts.recovery.replay()
        }
        let listener = parts.store.listen { wakeup in
            parts.hub.wake(wakeup)
            if wakeup != .jobs || roles.contains(.worker) { parts.workerBell.ring() }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await parts.models.run() }
            group.addTask { await parts.watch.run() }
            group.addTask { await parts.collectRubbish() }
            group.addTask { await parts.storage.watch(every: .seconds(15), log: log) }
            let worker = roles.contains(.worker) ? parts.worker() : nil
            let working = worker.map { worker in Task { await worker.run() } }
            let servers = try await Servers.start(parts, roles: roles, listener: listener, worker: worker)
            try await onReady(servers.api?.address, servers.ops.address)
            log.info(
                "ready",
                metadata: ["api": "\(servers.api?.address.description ?? "-")", "ops": "\(servers.ops.address)"])

            let signal = await signals.wait()
            log.info("draining", metadata: ["signal": "\(signal ?? "-")", "grace_s": "\(configuration.drain)"])
            async let stopped: Void = servers.stop(parts.hub, grace: .seconds(configuration.drain))
            if let worker, let working { await drain(worker, working, parts) }
            await stopped
            group.cancelAll()
        }
        listener.stop()
        await parts.store.close()
        log.info("stopped")
    }

    /// A paid request that is still without an answer when the grace period ends is broken off: its outcome is unknown, and
    /// says so, which beats a process that does not end.
    private func drain(_ worker: Worker, _ working: Task<Void, Never>, _ parts: ServiceParts) async {
        worker.drain()
        let grace = Task {
            if (try? await Task.sleep(for: .seconds(configuration.drain))) != nil {
                log.warning("grace period is over; leases in hand run out by themselves")
                worker.abandon()
                parts.http.stop()
                parts.storage.stop()
            }
        }
        await working.value
        grace.cancel()
    }
}

/// Everything that a process is put together from.
struct ServiceParts: Sendable {
    let configuration: Configuration
    let state: StateDirectory
    let store: PostgresStore
    let storage: Storage
    var objects: any ObjectStore { storage.objects }
    let http: CurlHTTPClient
    let accounts: Accounts
    let watch: AccountWatch
    let models: ModelDirectory
    let journal: AnswerJournal
    let hub = FeedHub()
    let workerBell = Bell()
    let workerHeartbeat = Heartbeat("worker")
    let policy: JobPolicy
    let log: Logger

    init(_ configuration: Configuration, roles: Set<GondolaService.Role>, log: Logger) throws {
        self.configuration = configuration
        self.log = log
        if roles.contains(.worker), !configuration.hasCredential {
            throw SetupError(
                "no account can pay: a worker needs VENICE_API_KEY, VENICE_WALLET_KEY or GONDOLA_VENICE_ACCOUNTS_FILE")
        }
        policy = configuration.policy.scaled(by: configuration.timeScale)
        state = try StateDirectory(configuration.stateDirectory)
        store = PostgresStore(
            conninfo: configuration.databaseURL.reveal(),
            secrets: try state.secrets(keyFile: configuration.secretKeyFile),
            connections: configuration.databaseConnections, log: log)
        storage = try Storage(configuration, state: state)
        journal = try AnswerJournal(directory: state.journal)
        if let file = configuration.veniceAuthorityFile, !FileManager.default.isReadableFile(atPath: file) {
            throw SetupError("VENICE_CA_FILE: \(file) cannot be read")
        }
        http = CurlHTTPClient(configuration.transport)
        watch = AccountWatch(store: store, window: configuration.rateWindow * configuration.timeScale, log: log)
        accounts = Accounts(configuration, http: http, watch: watch)
        models = ModelDirectory(
            store: store, venice: accounts.first,
            refreshInterval: configuration.modelsRefresh * configuration.timeScale,
            log: log)
    }

    var recovery: AnswerRecovery { AnswerRecovery(store: store, journal: journal, policy: policy, log: log) }

    func worker() -> Worker {
        let window = configuration.rateWindow * configuration.timeScale
        // Evenly: a look is worth most when the last is some time ago.
        let retrieveLimit = RateLimit(
            endpoint: "retrieve", requests: configuration.retrieveLimit, window: window,
            burst: max(1, configuration.retrieveLimit / 10))
        let runner = ActionRunner(
            store: store, accounts: accounts, watch: watch, storage: storage, models: models, journal: journal,
            queueLimit: RateLimit(endpoint: "queue", requests: configuration.queueLimit, window: window),
            retrieveLimit: retrieveLimit,
            videoBytesLimit: configuration.videoBytesLimit, log: log)
        let settings = WorkerSettings(
            name: "\(ProcessInfo.processInfo.hostName):\(getpid())", jobs: configuration.workerJobs,
            lease: configuration.lease, renewal: configuration.leaseRenewal,
            claimInterval: configuration.claimInterval)
        return Worker(
            store: store, runner: runner, desk: desk(retrieveLimit), policy: policy, settings: settings,
            bell: workerBell, heartbeat: workerHeartbeat, log: log)
    }

    private func desk(_ limit: RateLimit) -> PollDesk {
        var planner = PollPlanner()
        planner.leastGap = policy.polling.leastGap
        planner.starvedGap *= configuration.timeScale
        return PollDesk(limit: limit, planner: planner, log: log) { [store, watch] account, wanted in
            let grant = try await store.take(limit, account: account, upTo: wanted)
            if case .granted(_, isProbe: true) = grant { watch.noteProbe(account) }
            return grant
        }
    }

    /// Removes what uploads and downloads that died left behind. Older than a day: nothing takes that long.
    func collectRubbish() async {
        for await _ in chain(
            [ContinuousClock.now].async, AsyncTimerSequence(interval: .seconds(3600), clock: .continuous))
        {
            do {
                let count = try await objects.collectRubbish(olderThan: Date(timeIntervalSinceNow: -86_400))
                if count > 0 { log.info("removed left-over files", metadata: ["files": "\(count)"]) }
            } catch {
                log.warning("cannot remove left-over files", metadata: ["error": "\(error)"])
            }
        }
    }

    /// A database that is still starting is waited for; one that is not migrated is not.
    func waitForDatabase() async throws {
        let migrator = Migrator(conninfo: configuration.databaseURL.reveal())
        for attempt in 1... {
            do {
                let pending = try await migrator.status().pending
                guard pending.isEmpty else {
                    throw SetupError(
                        "the database lacks \(pending.joined(separator: ", ")); run `gondola migrate` first")
                }
                return
            } catch let error as PostgresError where error.isPassing && attempt < 30 {
                if attempt == 1 { log.notice("waiting for the database", metadata: ["error": "\(error)"]) }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }
}

extension Configuration {
    var veniceTimeouts: VeniceTimeouts {
        var timeouts = VeniceTimeouts()
        for call in [\VeniceTimeouts.call, \.queue, \.retrieve, \.download] {
            timeouts[keyPath: call].connect = .seconds(connectTimeout)
            timeouts[keyPath: call].idle = .seconds(idleTimeout)
        }
        timeouts.queue.firstByte = .seconds(answerTimeout)
        return timeouts
    }
}
