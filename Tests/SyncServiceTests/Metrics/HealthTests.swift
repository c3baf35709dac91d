import Foundation
import JobStore
import NIOCore
import Testing
import VideoModels

@testable import SyncService

struct HealthTests {
    private func ask(_ path: String, of parts: ServiceParts) async throws -> RawResponse {
        let listener = parts.store.listen { _ in }
        defer { listener.stop() }
        let ops = OpsAPI(parts: parts, listener: listener, worker: nil)
        let server = try await HTTPServer.start(on: .anyPort, limits: .patient, handle: ops.router.handle)
        let client = try RawClient(server)
        try await client.send("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        let response = try await client.response()
        await server.shutdown(grace: .zero)
        return response
    }

    @Test func `a loop that stands still makes health fail, and says which it is`() async throws {
        try await FeedServer.with { server in
            _ = server.parts.loops.begin("models", patience: .seconds(5000))
            let well = try await ask("/healthz", of: server.parts)
            #expect(well.status == 200 && String(decoding: well.body, as: UTF8.self).contains("\"models\":\"ok\""))
            _ = server.parts.loops.begin("feed", patience: .zero)
            let ill = try await ask("/healthz", of: server.parts)
            let words = String(decoding: ill.body, as: UTF8.self)
            #expect(ill.status == 503 && words.contains(/"feed":"stuck for \d+ s"/) && words.contains("unavailable"))
            #expect(server.parts.registerEntry(nil).stuckLoops == ["feed"])
        }
    }

    @Test(arguments: ["claims", "renewals", "polls", "submissions"])
    func `the service manager restarts a worker whose jobs stand still`(loop: String) {
        let loops = Loops()
        let heartbeat = loops.begin(loop, patience: .zero)
        #expect(loops.wantRestart)
        heartbeat.end()
        #expect(!loops.wantRestart)
    }

    @Test(arguments: ["devices", "feed", "register", "admissions", "media", "models", "storage"])
    func `a loop that waits for others makes nobody restart the process, and is told all the same`(loop: String) {
        let loops = Loops()
        _ = loops.begin(loop, patience: .zero)
        #expect(!loops.wantRestart && loops.stuck.map(\.name) == [loop])
    }

    @Test func `what is answered at once is counted like the rest, and what is not, by whoever answers it`() {
        let metrics = ServiceMetrics()
        let handle: InstantHandler = { $0.path == "/known" ? APIResponse(status: 206) : nil }
        let counted: InstantHandler = metrics.counted(handle)
        func ask(_ path: String) -> Int? {
            let body = RequestBody(length: 0, limit: 0, pipe: BodyPipe(holding: ByteBuffer()))
            let request = APIRequest(
                method: .get, path: path, query: [], headers: [:], remoteAddress: "127.0.0.1", id: "r", body: body,
                drain: DrainSignal())
            return counted(request)?.status
        }
        #expect(ask("/known") == 206 && ask("/unknown") == nil)
        #expect(metrics.requests.value("2xx") == 1 && metrics.requestSeconds.total.count == 1)
    }

    private func patient(_ configuration: inout Configuration) { configuration.feedWaitLimit = 3600 }

    @Test func `a page that a phone waited for is counted with its way, and one that was there is not`() async throws {
        try await FeedServer.with(patient) { server in
            try await server.submit(1)
            var page = try await server.ask("/v1/changes").page()
            while page.isSnapshot || page.hasMore {
                page = try await server.ask("/v1/changes?cursor=\(page.cursor)").page()
            }
            #expect(server.parts.metrics.feedLag.total.count == 0)
            let cursor = page.cursor
            async let answer = server.ask("/v1/changes?cursor=\(cursor)&wait=3600")
            await server.waitUntil(waiters: 1)
            try await server.submit(2)
            #expect(try await answer.page().changes.isEmpty == false)
            #expect(server.parts.metrics.feedLag.total.count == 1)
        }
    }
}
