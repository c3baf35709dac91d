import Foundation
import JobStore
import Logging
import VideoModels

/// The listeners of a process: the phone's API where it serves one, and the operator's always.
struct Servers: Sendable {
    var api: HTTPServer?
    var ops: HTTPServer

    static func start(
        _ parts: ServiceParts, roles: Set<GondolaService.Role>, listener: ChangeListener, worker: Worker?
    ) async throws -> Servers {
        let ops = OpsAPI(parts: parts, listener: listener, worker: worker)
        let opsServer = try await HTTPServer.start(
            on: parts.configuration.opsListen, handle: LogContext.around(ops.router.handle))
        guard roles.contains(.api) else { return Servers(api: nil, ops: opsServer) }
        let phone = PhoneAPI(parts)
        let api = try await HTTPServer.start(
            on: parts.configuration.listen, trustedProxies: Set(parts.configuration.trustedProxies),
            sentBytes: parts.metrics.sentBytes, handleAtOnce: parts.metrics.counted(phone.answerAtOnce),
            handle: LogContext.around(parts.metrics.counted(ContentCoding.applied(to: phone.router.handle))))
        return Servers(api: api, ops: opsServer)
    }

    /// Waiting feeds are woken so that they answer with what they have. The operator's listener goes last.
    func stop(_ hub: FeedHub, grace: Duration) async {
        if let api {
            async let woken: Void = {
                await api.drain.wait()
                hub.wakeAll()
            }()
            _ = await api.shutdown(grace: grace)
            await woken
        }
        await ops.shutdown(grace: .seconds(1))
    }
}

/// What the operator and the supervisor ask, on a listener that phones do not reach.
struct OpsAPI: Sendable {
    var parts: ServiceParts
    var listener: ChangeListener
    var worker: Worker?

    var router: Router {
        var router = Router { error, request in .problem(Problem(error, request: request, log: parts.log)) }
        router.add("GET", "/healthz") { _ in health() }
        router.add("GET", "/readyz") { _ in await readiness() }
        router.add("GET", "/metrics") { _ in
            var response = APIResponse.text(MetricText.text(of: await metrics()))
            response.headers["content-type"] = MetricText.contentType
            return response
        }
        return router
    }

    /// Healthy means that the loops go round: a loop that hangs is not helped by a process that lives.
    private func health() -> APIResponse {
        let loops = parts.loops.progress
        let checks = loops.map { ($0.name, $0.isStuck ? "stuck for \(Int($0.age.seconds)) s" : "ok") }
        return report(!loops.contains(where: \.isStuck), Dictionary(checks) { first, _ in first })
    }

    /// Ready means that a request can be served now.
    private func readiness() async -> APIResponse {
        var checks = ["models": parts.models.isLoaded ? "ok" : "not loaded yet"]
        do {
            try await parts.store.ping()
            checks["database"] = "ok"
        } catch {
            checks["database"] = "\(error)"
        }
        let isReady = checks.values.allSatisfy { $0 == "ok" }
        // Without wake-ups feeds and workers poll: slower, and no reason to take the process out.
        checks["wake_ups"] = listener.isConnected ? "ok" : "polling"
        // Feeds and finished videos are served all the same; only nothing new is submitted.
        checks["storage"] = parts.storage.lastSeen.trouble ?? "ok"
        return report(isReady, checks)
    }

    private func report(_ isGood: Bool, _ checks: [String: String]) -> APIResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let body =
            (try? encoder.encode(["status": isGood ? "ok" : "unavailable"].merging(checks) { a, _ in a })) ?? Data()
        return .json(body, status: isGood ? 200 : 503)
    }

    private func metrics() async -> [MetricFamily] {
        await processFamilies() + DeploymentMetrics.families(parts.overview.current(), parts.configuration)
    }
}
