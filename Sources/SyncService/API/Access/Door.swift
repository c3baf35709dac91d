import Foundation
import JobStore
import Synchronization
import VideoModels

/// Lets requests in: knows who asks, whether that is allowed, and how much of it.
///
/// In this order: how often an address came with tokens that are worth nothing (429), the token (401), how often the device
/// asks and how much it has open (429), what its token is for (403).
final class Door: Sendable {
    let devices: DeviceSessions
    let requestsAtOnce: Int
    private let budget: Mutex<RequestBudget<DeviceID>>
    /// The budget in the words of `RateLimit-Policy`.
    private let policy: String
    /// What an address may still try with tokens that are worth nothing.
    private let tries: Mutex<RequestBudget<String>>
    private let now: @Sendable () -> ContinuousClock.Instant

    /// More than people mistype and devices repeat, and nothing for somebody who guesses.
    static let failedTriesPerMinute = 60

    init(
        devices: DeviceSessions, requestsPerMinute: Int, requestsAtOnce: Int,
        failedTriesPerMinute: Int = failedTriesPerMinute,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        (self.devices, self.requestsAtOnce, self.now) = (devices, requestsAtOnce, now)
        budget = Mutex(RequestBudget(perMinute: requestsPerMinute))
        policy = "\"device\";q=\(requestsPerMinute);w=60"
        tries = Mutex(RequestBudget(perMinute: failedTriesPerMinute))
    }

    typealias Handler = @Sendable (APIRequest, Caller) async throws -> APIResponse

    /// The handler's answer, or why it was not asked. `fail` makes an answer of what it throws.
    func pass(
        _ request: APIRequest, needs scope: Scope, to handler: @escaping Handler,
        fail: @Sendable (any Error, APIRequest) -> APIResponse
    ) async throws -> APIResponse {
        let caller: Caller
        switch try await admit(request) {
        case .caller(let admitted): caller = admitted
        case .challenge(let challenge): return .refused(challenge, for: request)
        case .tooOften(let wait):
            return .tooMany("Too many tokens from this address are worth nothing", after: wait, request)
        }
        let verdict = take(caller)
        var response = await answer(request, caller, verdict, scope, handler, fail)
        tell(verdict, in: &response)
        return response
    }

    private func take(_ caller: Caller) -> RequestBudget<DeviceID>.Verdict {
        let now = now()
        return budget.withLock { $0.take(caller.device, at: now) }
    }

    private func tell(_ verdict: RequestBudget<DeviceID>.Verdict, in response: inout APIResponse) {
        response.headers["ratelimit-policy"] = policy
        response.headers["ratelimit"] = "\"device\";r=\(verdict.remaining);t=\(verdict.wait.wholeSeconds)"
    }

    /// The same for what is answered at once, from memory; nil where that cannot be, and then nothing is counted. What stands
    /// in the way of the device is said by `pass`.
    func passAtOnce(
        _ request: APIRequest, needs scope: Scope, to handler: (Caller) -> APIResponse?
    ) -> APIResponse? {
        guard let token = Self.token(of: request), let caller = devices.believed(token), caller.loss == nil,
            caller.scopes.contains(scope), let place = caller.session.enter(atMost: requestsAtOnce),
            var response = handler(caller)
        else { return nil }
        let verdict = take(caller)
        guard verdict.isGranted else { return nil }
        tell(verdict, in: &response)
        response.claim = AnswerClaim(place: place, session: caller.session)
        return response
    }

    private enum Entry {
        case caller(Caller)
        case challenge(Challenge)
        case tooOften(wait: Duration)
    }

    private func admit(_ request: APIRequest) async throws -> Entry {
        guard request.headers["authorization"] != nil else { return .challenge(.missing) }
        guard let token = Self.token(of: request) else { return .challenge(.unknown) }
        return try await admit(token, from: request.remoteAddress)
    }

    private static func token(of request: APIRequest) -> Redacted<String>? {
        let fields = request.headers.values(of: "authorization")
        guard fields.count == 1 else { return nil }
        let parts = fields[0].split(separator: " ", maxSplits: 1)
        guard parts.count == 2, APIHeaders.isSame(String(parts[0]), "bearer"), parts[1].utf8.count <= 200 else {
            return nil
        }
        return Redacted(String(parts[1]))
    }

    /// The database is asked as long as the address has tries left; only those that fail count, so that any number of
    /// devices may share an address. What is believed without asking is let in whatever others of the address do.
    private func admit(_ token: Redacted<String>, from address: String) async throws -> Entry {
        // Nonsense is not looked up, so there is nothing to count.
        guard PostgresStore.mayBeToken(token) else { return .challenge(.unknown) }
        if let caller = devices.believed(token) { return .caller(caller) }
        let verdict = tries.withLock { $0.look(address, at: now()) }
        guard verdict.isGranted else { return .tooOften(wait: verdict.wait) }
        let challenge: Challenge
        switch try await devices.admit(token) {
        case .caller(let caller): return .caller(caller)
        case .expired: challenge = .expired
        case .revoked: challenge = .revoked
        case .suspended: challenge = .suspended
        case .unknown: challenge = .unknown
        }
        _ = tries.withLock { $0.take(address, at: now()) }
        return .challenge(challenge)
    }

    private func answer(
        _ request: APIRequest, _ caller: Caller, _ verdict: RequestBudget<DeviceID>.Verdict, _ scope: Scope,
        _ handler: @escaping Handler, _ fail: (any Error, APIRequest) -> APIResponse
    ) async -> APIResponse {
        guard verdict.isGranted else { return .tooMany("This device asks too often", after: verdict.wait, request) }
        guard let place = caller.session.enter(atMost: requestsAtOnce) else {
            return .tooMany("This device has \(requestsAtOnce) requests under way already", after: .zero, request)
        }
        guard caller.scopes.contains(scope) else { return .insufficient(scope, for: request) }
        var request = request
        request.body.sender = caller.session
        let isLook = request.method == .get || request.method == .head
        do {
            var response = try await (isLook ? look : change)(request, caller, handler)
            response.claim = AnswerClaim(place: place, session: caller.session)
            return response
        } catch RequestRefusal.accessLost(let loss) {
            return .refused(Challenge(loss), for: request)
        } catch {
            return fail(error, request)
        }
    }

    /// A look is worth nothing to a device that has lost its access meanwhile.
    @Sendable private func look(
        _ request: APIRequest, _ caller: Caller, _ handler: @escaping Handler
    ) async throws -> APIResponse {
        try await withThrowingTaskGroup(of: APIResponse?.self) { group in
            group.addTask { try await handler(request, caller) }
            group.addTask {
                await caller.revoked.wait()
                return nil
            }
            defer { group.cancelAll() }
            let first = try await group.next()
            if let loss = caller.loss { throw RequestRefusal.accessLost(loss) }
            guard let response = first ?? nil else { throw RequestRefusal.clientGone }
            return response
        }
    }

    /// A change that was made is told all the same. One whose body is still coming is not made any more.
    @Sendable private func change(
        _ request: APIRequest, _ caller: Caller, _ handler: @escaping Handler
    ) async throws -> APIResponse {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await caller.revoked.wait()
                if let loss = caller.loss { request.body.breakOff(loss) }
            }
            defer { group.cancelAll() }
            return try await handler(request, caller)
        }
    }
}

extension Duration {
    /// Rounded up, for `Retry-After`.
    fileprivate var wholeSeconds: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}

extension APIResponse {
    fileprivate static func tooMany(_ title: String, after wait: Duration, _ request: APIRequest) -> APIResponse {
        let seconds = max(1, wait.wholeSeconds)
        let problem = Problem(
            status: 429, code: .tooManyRequests, title: title, detail: "Try again in \(seconds) s.")
        return .problem(problem, headers: ["retry-after": "\(seconds)"], for: request)
    }
}
