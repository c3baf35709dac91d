import JobStore
import Logging
import Synchronization
import VideoModels

/// Which devices talk to this process, and what their tokens are worth as it last heard.
///
/// A token that was looked up is believed for some seconds without asking again, as long as revocations are heard of: those
/// made here at once, those of other processes by notification, in the same instant that they are committed. While
/// notifications do not come, each request is looked up. What a device has open when it loses its access ends at the same
/// moment, or, where no notification came or a token's time is over, when the devices are next looked at (`check`).
final class DeviceSessions: Sendable {
    /// What came of a token.
    enum Admission: Sendable {
        case caller(Caller)
        case expired, revoked, suspended, unknown
    }

    private struct Entry {
        weak var session: DeviceSession?
    }

    private struct State {
        var beliefs = Beliefs(capacity: DeviceSessions.capacity)
        var sessions: [DeviceID: Entry] = [:]
        /// Devices whose sighting is worth writing down.
        var seen: [DeviceID: UserID] = [:]
        var hears: @Sendable () -> Bool = { false }
        /// Counts what was heard of revocations, so that an answer of the database that is older is not believed.
        var revocations = 0
    }

    /// How long a token is believed.
    static let belief = Duration.seconds(5)
    /// Tokens that are remembered, and devices that are waiting to be written down, at most.
    static let capacity = 10_000

    private let store: PostgresStore
    private let log: Logger
    /// Told whose device has lost its access: their waits and streams look why they should end.
    private let wake: @Sendable (UserID) -> Void
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    init(
        store: PostgresStore, log: Logger, wake: @escaping @Sendable (UserID) -> Void = { _ in },
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        (self.store, self.log, self.wake, self.now) = (store, log, wake, now)
    }

    /// Whether revocations of other processes are heard of. Before this is called, none is.
    func listen(while hears: @escaping @Sendable () -> Bool) { state.withLock { $0.hears = hears } }

    // MARK: - who asks

    func admit(_ token: Redacted<String>) async throws -> Admission {
        if let caller = believed(token) { return .caller(caller) }
        while true {
            let mark = state.withLock { $0.revocations }
            switch try await store.authenticate(token) {
            case nil: return .unknown
            case .expired: return .expired
            case .revoked: return .revoked
            case .suspended: return .suspended
            case .valid(let valid):
                // Something was revoked meanwhile; perhaps this.
                if let caller = remember(token, valid, unlessAfter: mark) { return .caller(caller) }
            }
        }
    }

    /// Who holds the token, if that is known without asking.
    func believed(_ token: Redacted<String>) -> Caller? {
        let now = now()
        return state.withLock { $0.hears() ? $0.beliefs.caller(with: token, at: now) : nil }
    }

    private func remember(_ token: Redacted<String>, _ valid: ValidToken, unlessAfter mark: Int) -> Caller? {
        let now = now()
        let (caller, forgotten) = state.withLock { state -> (Caller?, Beliefs.Forgotten) in
            guard state.revocations == mark else { return (nil, [:]) }
            let caller = Caller(session: session(of: valid, in: &state), scopes: valid.scopes)
            if valid.isNews, state.seen.count < Self.capacity { state.seen[valid.device] = valid.user }
            // What would be believed later must have been heard of in between.
            guard state.hears() else { return (caller, [:]) }
            let left = valid.secondsLeft.map { Duration.seconds($0) } ?? Self.belief
            return (caller, state.beliefs.add(token, of: caller, until: now + min(left, Self.belief)))
        }
        return withExtendedLifetime(forgotten) { caller }
    }

    private func session(of valid: ValidToken, in state: inout State) -> DeviceSession {
        if let session = state.sessions[valid.device]?.session { return session }
        let device = valid.device
        let session = DeviceSession(user: valid.user, device: device) { [weak self] in self?.tidy(device) }
        state.sessions[device] = Entry(session: session)
        return session
    }

    /// A session's last request has ended. Another may have begun for the device meanwhile.
    private func tidy(_ device: DeviceID) {
        // Not under a lock that is held here: sessions end wherever the last request lets go of them, here among others.
        Task.detached { [weak self] in
            self?.state.withLock { state in
                if state.sessions[device]?.session == nil { state.sessions[device] = nil }
            }
        }
    }

    // MARK: - who is no longer let in

    /// The device has lost its access: what it has open ends.
    func end(_ device: DeviceID, _ loss: AccessLoss = .revoked) {
        let (session, forgotten) = state.withLock { state in
            state.revocations += 1
            return (state.sessions.removeValue(forKey: device)?.session, state.beliefs.forget(device))
        }
        session?.end(loss)
        // Let go of only here, outside the lock: a session's end takes it.
        withExtendedLifetime(forgotten) { if let session { wake(session.user) } }
    }

    /// The user is shut out: what their devices have open ends.
    func end(allOf user: UserID) {
        let (sessions, forgotten) = state.withLock { state in
            state.revocations += 1
            let sessions = state.sessions.values.compactMap(\.session).filter { $0.user == user }
            for session in sessions { state.sessions[session.device] = nil }
            return (sessions, state.beliefs.forget(user))
        }
        for session in sessions { session.end(.suspended) }
        withExtendedLifetime(forgotten) { if !sessions.isEmpty { wake(user) } }
    }

    /// Revocations may have been missed: from now on nothing is believed that was. Those that have something open are to be
    /// looked up then (`check`).
    func doubt() {
        let forgotten = state.withLock { state in
            state.revocations += 1
            return state.beliefs.forgetAll()
        }
        withExtendedLifetime(forgotten) {}
    }

    /// Looks for devices that have something open and no access any more.
    func check() async {
        let open = state.withLock { state in state.sessions.compactMapValues { $0.session?.user } }
        guard !open.isEmpty else { return }
        do {
            for (device, loss) in try await store.ended(among: open) {
                end(device, loss)
                log.info("a device lost its access", metadata: ["device_id": "\(device)"])
            }
        } catch {
            log.debug("cannot look at devices now", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - who was here

    /// Writes down who was here since the last time.
    func writeSightings() async {
        let seen = state.withLock { state in
            defer { state.seen = [:] }
            return state.seen
        }
        guard !seen.isEmpty else { return }
        do { try await store.markSeen(seen) } catch {
            // The next request of each is news again.
            log.debug("cannot write down sightings now", metadata: ["error": "\(error)"])
        }
    }

    /// Until cancelled; the last sightings are written then.
    func run(every interval: Duration, _ heartbeat: Heartbeat? = nil) async {
        defer { heartbeat?.end() }
        while !Task.isCancelled {
            heartbeat?.beat()
            try? await Task.sleep(for: interval)
            await writeSightings()
            letGo()
            if !Task.isCancelled { _ = try? await within(.seconds(20)) { await self.check() } }
        }
    }

    /// Lets go of what is believed no more, and of the sessions that nothing else holds.
    func letGo() {
        let now = now()
        let forgotten = state.withLock { $0.beliefs.forgetExpired(at: now) }
        withExtendedLifetime(forgotten) {}
    }

    /// Devices that have something open, or were here in the last seconds.
    var count: Int { state.withLock { $0.sessions.count } }
}
