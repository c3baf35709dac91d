import Failpoints
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
        Failpoint.checkEnvironment()
        let signals = ShutdownSignal()
        let manager = ServiceManager()
        manager?.tell(.waiting("looking at the database"))
        let parts = try ServiceParts(configuration, roles: roles, log: log)
        defer {
            parts.http.stop()
            parts.storage.stop()
        }
        guard try await parts.prepare(roles, unless: signals) else { return log.info("stopped before it was ready") }
        let listener = parts.store.listen { wakeup in
            parts.hear(wakeup)
            parts.hub.wake(wakeup)
            if wakeup != .jobs || roles.contains(.worker) { parts.workerBell.ring() }
        }
        parts.devices.listen { listener.isConnected }
        parts.hub.listen { listener.isConnected }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let loops = parts.loops
            group.addTask {
                let heartbeat = loops.begin("devices", patience: .seconds(configuration.feedPollInterval + 90))
                await parts.devices.run(every: .seconds(configuration.feedPollInterval), heartbeat)
            }
            group.addTask {
                let patience = configuration.modelsRefresh * configuration.timeScale + 600
                await parts.models.run(loops.begin("models", patience: .seconds(patience)))
            }
            group.addTask { await parts.watch.run() }
            group.addTask { await parts.housekeeper.run() }
            if roles.contains(.api) {
                group.addTask {
                    let heartbeat = loops.begin("feed", patience: .seconds(configuration.feedPollInterval + 90))
                    await parts.hub.run(
                        every: .seconds(configuration.feedPollInterval), log: log, heartbeat: heartbeat
                    ) {
                        listener.isConnected
                    } look: {
                        try await parts.store.feedMarks(of: $0)
                    }
                }
            }
            if roles.contains(.worker), let media = parts.mediaWorker {
                // As long as all programs for one video may take together.
                group.addTask { await media.run(loops.begin("media", patience: .seconds(media.settings.claim + 60))) }
            }
            group.addTask {
                await parts.storage.watch(
                    every: .seconds(15), log: log, loops.begin("storage", patience: .seconds(300)))
            }
            let worker = roles.contains(.worker) ? parts.worker() : nil
            let working = worker.map { worker in Task { await worker.run() } }
            let servers = try await Servers.start(parts, roles: roles, listener: listener, worker: worker)
            try await onReady(servers.api?.address, servers.ops.address)
            manager?.tell(.ready("serving"))
            group.addTask { await manager?.keepAlive { !loops.wantRestart } }
            let register = parts.register(roles, opsListen: servers.ops.address)
            group.addTask {
                await register.run(loops.begin("register", patience: .seconds(configuration.leaseRenewal + 90))) {
                    parts.registerEntry(worker)
                } drain: {
                    signals.raise("drain request")
                }
            }
            log.info(
                "ready",
                metadata: ["api": "\(servers.api?.address.description ?? "-")", "ops": "\(servers.ops.address)"])

            let signal = await signals.wait()
            manager?.tell(.stopping)
            register.noteDraining()
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
    /// Of signed links.
    let linkKeys: LinkKeys
    let hub: FeedHub
    let metrics = ServiceMetrics()
    let overview: OverviewCache
    let devices: DeviceSessions
    let door: Door
    let workerBell = Bell()
    let loops = Loops()
    /// Names this process in `jobs.leased_by` and in the register.
    let name = "\(ProcessInfo.processInfo.hostName):\(getpid())"
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
        let secrets = try state.secrets(keyFile: configuration.secretKeyFile)
        linkKeys = try LinkKeys(file: configuration.linkKeysFile, secrets: secrets)
        store = PostgresStore(
            conninfo: configuration.databaseURL.reveal(), direct: configuration.databaseDirectURL?.reveal(),
            replica: configuration.databaseReplicaURL?.reveal(), secrets: secrets,
            connections: configuration.databaseConnections, budgets: configuration.budgets,
            activeJobs: configuration.activeJobs, keeping: configuration.retention.keeping, log: log)
        hub = FeedHub(deliveryLag: metrics.feedLag)
        overview = OverviewCache { [store] in
            OverviewCache.Seen(
                overview: try await store.overview(), limits: try await configuration.limitReport(from: store),
                processes: try await store.processes())
        }
        devices = DeviceSessions(store: store, log: log, wake: { [hub] in hub.wake(.user($0)) })
        door = Door(
            devices: devices, requestsPerMinute: configuration.requestsPerMinute,
            requestsAtOnce: configuration.requestsAtOnce)
        storage = try Storage(configuration, state: state)
        journal = try AnswerJournal(directory: state.journal)
        if let file = configuration.veniceAuthorityFile, !FileManager.default.isReadableFile(atPath: file) {
            throw SetupError("VENICE_CA_FILE: \(file) cannot be read")
        }
        http = CurlHTTPClient(configuration.transport)
        watch = AccountWatch(
            store: store, window: configuration.rateWindow * configuration.timeScale,
            limits: ["queue": configuration.queueLimit, "retrieve": configuration.retrieveLimit],
            metrics: metrics, log: log)
        accounts = Accounts(configuration, http: http, watch: watch)
        models = ModelDirectory(
            store: store, venice: accounts.first,
            refreshInterval: configuration.modelsRefresh * configuration.timeScale,
            log: log)
    }

    /// What this process says of itself in the register.
    func register(_ roles: Set<GondolaService.Role>, opsListen: ListenAddress) -> ProcessRegister {
        let identity = ProcessBeat(
            id: ProcessID(at: Date()), name: name, host: ProcessInfo.processInfo.hostName, pid: Int(getpid()),
            version: Release.version, roles: roles.map { $0 == .api ? .api : .worker },
            interval: configuration.leaseRenewal, opsListen: "\(opsListen)")
        return ProcessRegister(store: store, identity: identity, log: log)
    }

    func registerEntry(_ worker: Worker?) -> ProcessRegister.Now {
        ProcessRegister.Now(
            feedClients: hub.waiters, jobsInHand: worker?.jobsInHand ?? 0, stuckLoops: loops.stuck.map(\.name),
            figures: metrics.figures)
    }

    /// What of a hint concerns devices.
    func hear(_ wakeup: Wakeup) {
        switch wakeup {
        case .revoked(let device): devices.end(device)
        case .suspended(let user): devices.end(allOf: user)
        case .models:
            // Without a parent, as below.
            Task.detached { [models] in await models.load() }
        case .anything:
            // At once: the next request may come before the look has begun.
            devices.doubt()
            // Without a parent: nobody waits for it, and whoever hears a hint must not.
            Task.detached { await devices.check() }
        case .user, .jobs: break
        }
    }

    var recovery: AnswerRecovery {
        AnswerRecovery(store: store, journal: journal, policy: policy, log: log) { error, submission in
            try await event(after: error, on: submission)
        }
    }

    /// A refusal that asks for what was left out is worth one more try, also when the process that heard it has died.
    private func event(after error: VeniceError, on submission: AnswerJournal.Submission) async throws -> JobEvent {
        let record: JobRecord
        do { record = try await store.report(of: submission.job).record } catch StoreError.notFound {
            return error.onSubmission
        }
        let wanted = try record.request
        guard case .found(let model) = models.find(wanted.model),
            let assets = try? await store.veniceAssets(of: wanted, user: record.user, objects: objects),
            let request = try? QueueRequest(wanted, model: model, assets: assets)
        else { return error.onSubmission }
        models.learn(from: error, about: model.id)
        return request.event(after: error)
    }

    func worker() -> Worker {
        let (queueLimit, retrieveLimit) = (configuration.limit(.queue), configuration.limit(.retrieve))
        let runner = ActionRunner(
            store: store, accounts: accounts, watch: watch, storage: storage, models: models,
            pauses: ModelPauses(store: store, policy: policy, log: log), journal: journal, queueLimit: queueLimit,
            listingAge: configuration.modelsRefresh * configuration.timeScale, retrieveLimit: retrieveLimit,
            videoBytesLimit: configuration.videoBytesLimit, keeping: configuration.retention.keeping, log: log)
        let settings = WorkerSettings(
            name: name, jobs: configuration.workerJobs,
            lease: configuration.lease, renewal: configuration.leaseRenewal,
            claimInterval: configuration.claimInterval)
        var planner = PollPlanner()
        planner.leastGap = policy.polling.leastGap
        planner.starvedGap *= configuration.timeScale
        return Worker(
            store: store, runner: runner,
            polls: PollDesk(limit: retrieveLimit, planner: planner, log: log) { try await take(retrieveLimit, $0, $1) },
            submissions: SubmissionDesk(limit: queueLimit, log: log) { try await take(queueLimit, $0, $1) },
            policy: policy, settings: settings, bell: workerBell, loops: loops, metrics: metrics,
            log: log)
    }

    private func take(_ limit: RateLimit, _ account: String, _ wanted: Int) async throws -> PostgresStore.Grant {
        let grant = try await store.take(limit, account: account, upTo: wanted)
        if case .granted(_, isProbe: true) = grant { watch.noteProbe(account) }
        return grant
    }

    /// Nil where there is no ffmpeg: then a video's facts are those of its boxes, and there are no pictures.
    var mediaWorker: MediaWorker? {
        guard let tools = MediaTools(configuration.ffmpeg) else {
            log.notice("no posters and previews are made", metadata: ["ffmpeg": "\(configuration.ffmpeg)"])
            return nil
        }
        return MediaWorker(
            store: store, objects: objects, tools: tools, folder: "\(state.path)/media", log: log,
            trouble: { await storage.trouble() })
    }

    var housekeeper: Housekeeper {
        Housekeeper(
            objects: objects,
            pruner: Pruner(store: store, objects: objects, settings: configuration.retention, log: log), log: log)
    }

    /// What has to be right and done before the first job. False if a signal ended the wait for the database.
    func prepare(_ roles: Set<GondolaService.Role>, unless signals: ShutdownSignal) async throws -> Bool {
        if roles.contains(.worker) { try state.lock() }
        try await storage.checkAtStart(log)
        return try await withDatabase(unless: signals) {
            try await checkDatabase()
            if roles.contains(.api) { try await checkRole() }
            await models.load()
            if roles.contains(.worker) { try await recovery.replay() }
        }
    }

    private func checkDatabase() async throws {
        let pending = try await Migrator(conninfo: configuration.databaseURL.reveal()).status().pending
        guard pending.isEmpty else {
            throw SetupError("the database lacks \(pending.joined(separator: ", ")); run `gondola migrate` first")
        }
        guard try await store.sharesSealingKey() else {
            throw SetupError(
                "this process has another key than the one that the database's secrets are sealed with; copy secret.key "
                    + "from the first state directory and name it with GONDOLA_SECRET_KEY_FILE")
        }
    }

    private func checkRole() async throws {
        guard try await !store.keepsUsersApart() else { return }
        log.notice("the database role passes row-level security; use one that is no superuser")
    }

    /// Tries once a second for as long as the database is away, since a process that ends over and over is no better than one
    /// that waits. What may be repeated is repeated: the check and the replay.
    private func withDatabase(unless signals: ShutdownSignal, _ work: () async throws -> Void) async throws -> Bool {
        var attempt = 0
        while !signals.isRaised {
            do {
                try await work()
                return true
            } catch let error as PostgresError where error.isPassing {
                attempt += 1
                // At once, and then less and less often.
                if attempt.nonzeroBitCount == 1 {
                    log.notice("waiting for the database", metadata: ["error": "\(error)", "tries": "\(attempt)"])
                }
            }
            try await Task.sleep(for: .seconds(1))
        }
        return false
    }
}

extension Configuration {
    /// The upstream's limit for submissions or for retrieves, on the upstream's clock.
    func limit(_ endpoint: VeniceEndpoint) -> RateLimit {
        let window = rateWindow * timeScale
        guard endpoint == .retrieve else { return RateLimit(endpoint: "queue", requests: queueLimit, window: window) }
        // Evenly: a look is worth most when the last is some time ago.
        return RateLimit(
            endpoint: "retrieve", requests: retrieveLimit, window: window, burst: max(1, retrieveLimit / 10))
    }

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
