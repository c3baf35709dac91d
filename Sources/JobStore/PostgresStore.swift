import Foundation
public import JobLifecycle
public import Logging
public import VideoModels

/// All that Gondola keeps in Postgres. One extension a use; every method is one transaction, durable on return.
///
/// Throws `PostgresError`, or `StoreError` where the caller has a choice. After `.unavailable` a write may have
/// happened: the caller reads again, or repeats a `commit`, which writes nothing twice.
public struct PostgresStore: Sendable {
    let pool: ConnectionPool
    /// For what runs all the time, so that it does not wait behind what does not.
    let hot: ConnectionPool
    let steps: GroupCommit<StepRow, WrittenStep>
    let submissions: GroupCommit<NewJobRow, JobDetail>
    let window = ClaimWindow.Shared()
    let secrets: SecretBox?
    /// Where notifications come from: the server itself.
    let direct: String
    /// Where feeds may be read.
    var replica: FeedReplica?
    /// What reservations are held to.
    let budgets: BudgetPolicy
    let log: Logger
    /// How many jobs a user may have under way at once who has no limit of their own.
    let activeJobs: Int
    /// What is kept of the videos of users who have no rule of their own.
    let keeping: KeepingRule
    /// Called after each commit that a phone or a worker may be waiting for.
    let notifier: Notifier

    /// Opens nothing yet: connections are made when they are needed.
    ///
    /// `conninfo` is anything libpq takes, such as `postgres:///gondola?host=/run/postgresql`. `secrets` is needed by
    /// whoever holds leases or moves jobs that have a private link; without it such a step throws.
    ///
    /// `direct` is the way around the pooler that `conninfo` may name, for notifications alone; `replica` a standby to read
    /// feeds from, with half as many connections. `activeJobs` is the limit of jobs under way for users who have none of
    /// their own, and `keeping` what is kept of their videos; by itself the store limits neither.
    public init(
        conninfo: String, direct: String? = nil, replica: String? = nil, secrets: SecretBox?, connections: Int = 6,
        budgets: BudgetPolicy = BudgetPolicy(), activeJobs: Int = Int(Int32.max), keeping: KeepingRule = KeepingRule(),
        log: Logger
    ) {
        let busy = max(1, connections / 2)
        hot = ConnectionPool(conninfo: conninfo, connections: busy, applicationName: "gondola", kind: .hot)
        pool = ConnectionPool(
            conninfo: conninfo, connections: max(1, connections - busy), applicationName: "gondola")
        self.secrets = secrets
        self.direct = direct ?? conninfo
        self.replica = replica.map { FeedReplica(conninfo: $0, connections: busy, log: log) }
        self.budgets = budgets
        self.log = log
        self.activeJobs = activeJobs
        self.keeping = keeping
        notifier = Notifier(pool: pool, log: log)
        let context = StepContext(secrets: secrets, budgets: budgets, activeJobs: activeJobs)
        steps = GroupCommit(pool: hot) { rows, connection in
            let written = connection.write(each: rows, context)
            connection.admitNext(after: written, limit: activeJobs)
            return written
        } tell: { [notifier] rows, outcomes in
            let users = zip(rows, outcomes).filter { $0.isOfFeed && $1.isSuccess }.map(\.0.step.record.user)
            notifier.note(users: users, jobs: outcomes.contains { (try? $0.get().madeRoom) == true })
        }
        submissions = GroupCommit(pool: hot) { rows, connection in
            connection.insert(each: rows, activeJobs: activeJobs)
        } tell: { [notifier] rows, outcomes in
            let users = zip(rows, outcomes).filter(\.1.isSuccess).map(\.0.job.user)
            notifier.note(users: users, jobs: !users.isEmpty)
        }
    }

    /// Finishes what is under way and closes the connections.
    public func close() async {
        hot.stop()
        await notifier.drain()
        pool.stop()
        replica?.stop()
    }

    /// Asks the database something, for readiness.
    public func ping() async throws {
        try await pool.run { try $0.run("select 1") }
    }

    /// Calls `receive` when something of a user changed, or when anything may have: at once for what this store has written
    /// itself, on whatever thread that was, and for the rest on a thread of its own. It must not wait for anything.
    public func listen(receive: @escaping @Sendable (Wakeup) -> Void) -> ChangeListener {
        let listener = Listener(conninfo: direct, channel: "gondola", log: log) { receive(Wakeup($0)) }
        return ChangeListener(listener, notifier: notifier, place: notifier.attach(receive))
    }
}

/// A hint that there is something to look at.
public enum Wakeup: Hashable, Sendable {
    /// Objects of this user changed.
    case user(UserID)
    /// A job may have come due.
    case jobs
    /// This device's access was taken away.
    case revoked(DeviceID)
    /// This user was shut out.
    case suspended(UserID)
    /// There is a newer list of models.
    case models
    /// Hints may have been missed.
    case anything

    init(_ payload: String?) {
        let words = (payload ?? "").split(separator: " ").map(String.init)
        let known: Wakeup? =
            switch (words.first, words.count) {
            case ("jobs", 1): .jobs
            case ("models", 1): .models
            case ("revoked", 2): DeviceID(words[1]).map(Wakeup.revoked)
            case ("suspended", 2): UserID(words[1]).map(Wakeup.suspended)
            case (let user?, 1): UserID(user).map(Wakeup.user)
            default: nil
            }
        self = known ?? .anything
    }
}

/// Stops when told. While it is not connected, what other processes did is found by polling only.
public struct ChangeListener: Sendable {
    private let listener: Listener
    private let notifier: Notifier
    private let place: UUID

    init(_ listener: Listener, notifier: Notifier, place: UUID) {
        self.listener = listener
        self.notifier = notifier
        self.place = place
    }

    public var isConnected: Bool { listener.isConnected }

    public func stop() {
        notifier.detach(place)
        listener.stop()
    }
}

/// What a caller can do something about.
public enum StoreError: Error, Hashable, Sendable {
    /// Another worker holds the job now: stop, and write nothing more.
    case leaseLost
    case notFound
    /// The same idempotency key came with another body.
    case idempotencyConflict
    case nameTaken(String)
    /// The cursor is of a time whose tombstones are gone.
    case cursorExpired
    /// The cursor is of another history of the data: the database was restored since.
    case cursorOfOtherEpoch
    /// The cursor is of a place that this history has not reached.
    case cursorAhead
    /// The job has not ended, so it cannot be deleted.
    case underWay(Job.Status)
    /// What was deleted cannot be brought back any more.
    case graceOver
    /// A budget has no room for the reservation, or an operator has stopped payments.
    case overBudget(BudgetRefusal)
    /// The user is shut out for now.
    case suspended
    /// All of the user's data is being erased, or has been.
    case erased
}
