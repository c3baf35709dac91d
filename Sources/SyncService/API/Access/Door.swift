import Foundation
import NIOCore
import Synchronization
import VideoModels

/// Lets requests in: knows who asks, whether that is allowed, and how much of it.
///
/// In this order: the token (401), how often the device asks and how much it has open (429), what its token is for (403).
final class Door: Sendable {
    let devices: DeviceSessions
    let requestsAtOnce: Int
    private let budget: Mutex<RequestBudget>
    private let now: @Sendable () -> ContinuousClock.Instant

    init(
        devices: DeviceSessions, requestsPerMinute: Int, requestsAtOnce: Int,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        (self.devices, self.requestsAtOnce, self.now) = (devices, requestsAtOnce, now)
        budget = Mutex(RequestBudget(perMinute: requestsPerMinute))
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
        case .expired: return .unauthenticated(.expired, for: request)
        case .revoked: return .unauthenticated(.revoked, for: request)
        case .unknown: return .unauthenticated(.unknown, for: request)
        case nil: return .unauthenticated(.missing, for: request)
        }
        let now = now()
        let verdict = budget.withLock { $0.take(caller.device, at: now) }
        var response = await answer(request, caller, verdict, scope, handler, fail)
        response.headers["ratelimit-policy"] = "\"device\";q=\(budget.withLock { $0.perMinute });w=60"
        response.headers["ratelimit"] = "\"device\";r=\(verdict.remaining);t=\(verdict.wait.wholeSeconds)"
        return response
    }

    private func admit(_ request: APIRequest) async throws -> DeviceSessions.Admission? {
        let fields = request.headers.values(of: "authorization")
        guard let field = fields.first else { return nil }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard fields.count == 1, parts.count == 2, parts[0].lowercased() == "bearer", parts[1].utf8.count <= 200 else {
            return .unknown
        }
        return try await devices.admit(Redacted(String(parts[1])))
    }

    private func answer(
        _ request: APIRequest, _ caller: Caller, _ verdict: RequestBudget.Verdict, _ scope: Scope,
        _ handler: @escaping Handler, _ fail: (any Error, APIRequest) -> APIResponse
    ) async -> APIResponse {
        guard verdict.isGranted else { return .tooMany("This device asks too often", after: verdict.wait, request) }
        guard let place = caller.session.enter(atMost: requestsAtOnce) else {
            return .tooMany("This device has \(requestsAtOnce) requests under way already", after: .zero, request)
        }
        guard caller.scopes.contains(scope) else { return .insufficient(scope, for: request) }
        do {
            let response = try await untilRevoked(request, caller) { try await handler(request, caller) }
            return response.holding(place, of: caller)
        } catch {
            return fail(error, request)
        }
    }

    /// A look is worth nothing to a device that has lost its access meanwhile. A change that was made is told all the same.
    private func untilRevoked(
        _ request: APIRequest, _ caller: Caller, _ work: @escaping @Sendable () async throws -> APIResponse
    ) async throws -> APIResponse {
        let isLook = request.method == .get || request.method == .head
        guard isLook else { return try await work() }
        return try await withThrowingTaskGroup(of: APIResponse?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                await caller.revoked.wait()
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), !caller.revoked.isSet, let response = first else {
                return .unauthenticated(.revoked, for: request)
            }
            return response
        }
    }
}

extension Duration {
    /// Rounded up, for `Retry-After`.
    fileprivate var wholeSeconds: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}

extension APIResponse {
    /// Keeps the device's place for as long as the answer streams, and ends the stream a moment after the device has lost
    /// its access, if it does not end by itself.
    fileprivate func holding(_ place: DeviceSession.Place, of caller: Caller) -> APIResponse {
        var response = self
        switch body {
        case .stream(let produce):
            response.body = .stream { writer in
                try await caller.streaming(place) { try await produce(writer) }
            }
        case .measuredStream(let count, let produce):
            response.body = .measuredStream(count) { writer in
                try await caller.streaming(place) { try await produce(writer) }
            }
        case .empty, .bytes, .parts: break
        }
        return response
    }

    fileprivate static func tooMany(_ title: String, after wait: Duration, _ request: APIRequest) -> APIResponse {
        let seconds = max(1, wait.wholeSeconds)
        let problem = Problem(
            status: 429, code: .tooManyRequests, title: title, detail: "Try again in \(seconds) s.")
        return .problem(problem, headers: ["retry-after": "\(seconds)"], for: request)
    }
}

extension Caller {
    /// How long a stream may take to say goodbye.
    private static let goodbye = Duration.seconds(1)

    fileprivate func streaming(
        _ place: DeviceSession.Place, _ produce: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { withExtendedLifetime(place) {} }
                try await produce()
            }
            group.addTask {
                await revoked.wait()
                try await Task.sleep(for: Self.goodbye)
                throw CancellationError()
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
