import Foundation
import HTTPTransport
import ObjectStorage
import StackSupport
import SyncService
import TestSupport
import Testing
import VideoModels

/// An upload whose server is killed at each of its steps, and that goes on with another.
@Suite(.serialized, .timeLimit(.minutes(10))) struct UploadCrashTests {
    @Test func `killed at any step of an upload, it becomes one asset and nothing else stays`() async throws {
        try await Stack.with { stack in
            let steps = try await UploadRun(stack: stack, number: 0)()
            // Two pieces and the whole are staged and named; each counted, and the upload begun, taken and ended.
            #expect(
                steps["objectDurable"] == 3 && steps["sql.add_upload_piece"] == 2 && steps["sql.finish_upload"] == 1)
            var number = 0
            for (step, count) in steps.sorted(by: { $0.key < $1.key }) {
                for nth in 1...count {
                    number += 1
                    _ = try await UploadRun(stack: stack, number: number, order: "\(step):\(nth)")()
                }
            }
            #expect(number > 20)
            #expect(try await stack.database.sql("select count(*) from assets") == "\(number + 1)")
        }
    }
}

private struct UploadRun {
    let stack: Stack
    let number: Int
    /// What the first process is armed with.
    var order: String?

    private let http = CurlHTTPClient()
    private var file: [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            + (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number &* 7 &+ $0 >> 8) }
    }

    init(stack: Stack, number: Int, order: String? = nil) {
        (self.stack, self.number, self.order) = (stack, number, order)
    }

    /// Returns the steps of the first process that belong to an upload, and how often it came to each.
    func callAsFunction() async throws -> [String: Int] {
        let trace = stack.directory.appending(path: "trace-\(number)").path
        let first = try await launch(["GONDOLA_FAILPOINT": order ?? "", "GONDOLA_FAILPOINT_TRACE": trace])
        var path: String?
        do {
            try await push(&path, to: first)
            #expect(order == nil, "the step was not reached")
        } catch let error as HTTPClientError {
            guard order != nil else { throw error }
            #expect(await first.waitUntilGone() == -SIGKILL)
        }
        await first.kill()
        // The dead writer's time is over.
        try await stack.database.sql("update uploads set writer_until = now() where writer is not null")
        let second = try await launch(["GONDOLA_PRUNE_INTERVAL": "1s"])
        try await push(&path, to: second)
        try await check(try #require(path), second)
        return Self.count(try String(contentsOfFile: trace, encoding: .utf8))
    }

    private func launch(_ more: [String: String]) async throws -> GondolaProcess {
        let quiet = ["GONDOLA_CLAIM_INTERVAL": "60s", "GONDOLA_LEASE": "1h", "GONDOLA_LEASE_RENEWAL": "10m"]
        return try await stack.start(quiet.merging(more) { $1 }, program: "crash-worker")
    }

    /// As a phone does: asks how far it has come, and goes on from there in two parts.
    private func push(_ path: inout String?, to process: GondolaProcess) async throws {
        let file = file
        while true {
            guard let place = path else {
                let answer = try await ask(process, "POST", "/v1/uploads", [("Upload-Length", "\(file.count)")])
                #expect(answer.status == 201)
                path = answer.headers["Location"]
                continue
            }
            let state = try await ask(process, "HEAD", place)
            guard state.status == 200, let offset = state.headers["Upload-Offset"].flatMap({ Int($0) }) else {
                throw Strange(description: "HEAD \(state.status) after \(order ?? "-")")
            }
            if state.headers["Content-Location"] != nil { return }
            let end = offset < file.count / 2 ? file.count / 2 : file.count
            let headers = [("Upload-Offset", "\(offset)"), ("Content-Type", "application/offset+octet-stream")]
            let answer = try await ask(process, "PATCH", place, headers, Array(file[offset..<end]))
            guard answer.status == 204 else {
                throw Strange(description: "PATCH \(answer.status) after \(order ?? "-")")
            }
        }
    }

    private struct Strange: Error { var description: String }

    private func ask(
        _ process: GondolaProcess, _ method: String, _ path: String, _ headers: [(String, String)] = [],
        _ body: [UInt8] = []
    ) async throws -> (status: Int, headers: HTTPHeaders, body: [UInt8]) {
        var request = HTTPRequest(method, process.api + path)
        request.headers.add("Authorization", "Bearer \(stack.token.reveal())", secret: true)
        request.headers.add("Tus-Resumable", "1.0.0")
        for (name, value) in headers { request.headers.add(name, value) }
        if !body.isEmpty { request.body = .bytes(body) }
        let response = try await http.send(request)
        return (response.status, response.headers, try await response.body.collect(upTo: 1 << 20))
    }

    /// One asset with these bytes, and once everything unfinished has expired, one file an asset.
    private func check(_ path: String, _ process: GondolaProcess) async throws {
        let answer = try await ask(process, "GET", path.replacing("uploads", with: "assets"))
        let asset = try Wire.decode(Asset.self, from: Data(answer.body))
        #expect(asset.sha256 == ContentHash(of: file).hex && asset.bytes == file.count, "\(order ?? "-")")
        try await stack.database.sql("update uploads set expires_at = now() - interval '1 s'")
        try await process.line { $0["message"] == "forgot what is old" && $0["what"] == "uploads" }
        #expect(try await stack.database.sql("select count(*) from uploads") == "0")
        let assets = try await stack.database.sql("select storage_key from assets").split(separator: "\n").map(
            String.init)
        let files = try filesOfObjects()
        #expect(Set(files.keys) == Set(assets), "\(order ?? "-")")
        let place = try #require(files.first { $0.key.hasSuffix("\(asset.id)") }?.value)
        #expect(try [UInt8](Data(contentsOf: place)) == file)
        await process.kill()
    }

    /// By their keys.
    private func filesOfObjects() throws -> [String: URL] {
        let root = stack.directory.appending(path: "objects/objects").resolvingSymlinksInPath()
        let all = FileManager.default.enumerator(at: root, includingPropertiesForKeys: [.isRegularFileKey])
        return (all?.allObjects as? [URL] ?? []).reduce(into: [:]) { files, url in
            guard (try? url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true else { return }
            let parts = url.resolvingSymlinksInPath().pathComponents.dropFirst(root.pathComponents.count)
            // The first is the shard.
            files[parts.dropFirst().joined(separator: "/")] = url
        }
    }

    private static func count(_ trace: String) -> [String: Int] {
        let statements = [
            "lock_upload_owner", "add_upload", "get_upload", "take_upload", "add_upload_piece", "upload_pieces",
            "finish_upload", "release_upload",
        ].map { "sql.\($0)" }
        return trace.split(separator: "\n").map(String.init).reduce(into: [:]) { steps, step in
            guard
                statements.contains(step)
                    || ["stage", "object", "folder"].contains(where: { step.hasPrefix($0) })
            else { return }
            steps[step, default: 0] += 1
        }
    }
}
