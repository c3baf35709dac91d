import Foundation
import HTTPTransport
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// The whole way of a video with its bytes in a bucket, and storage that takes nothing.
@Suite(.serialized, .timeLimit(.minutes(10))) struct StorageTests {
    private func bucket(_ extra: [String: String] = [:]) async throws -> [String: String] {
        let environment = [
            "GONDOLA_STORAGE": "s3://\(SeaweedFS.bucket)/\(UUID().uuidString.lowercased())",
            "AWS_ENDPOINT_URL": try await SeaweedFS.shared().address.http, "AWS_REGION": "eu-test-1",
            "AWS_ACCESS_KEY_ID": SeaweedFS.key, "AWS_SECRET_ACCESS_KEY": SeaweedFS.secret, "NO_PROXY": "*",
        ]
        return environment.merging(extra) { $1 }
    }

    @Test(arguments: ["proxy", "redirect"])
    func `videos and uploads live in a bucket, and phones get them whole and in ranges`(delivery: String) async throws {
        try await Stack.with { stack in
            let environment = try await bucket(["GONDOLA_STORAGE_DELIVERY": delivery])
            let gondola = try await stack.start(environment)
            let phone = try stack.phone(gondola)
            let copy = try await stack.makeOneOfEachDelivery(gondola, phone)
            #expect(copy.videos.count == 3)
            #expect(try await stack.simulator.ledger().charges.count == 3)

            let video = try #require(copy.videos.values.first)
            let path = "/v1/videos/\(video.id)/content"
            let raw = RawPhone(server: gondola.api, token: stack.token.reveal())
            let known = try await raw.ask("GET", path, nil, [("If-None-Match", "\"\(video.sha256)\"")])
            #expect(known.status == 304)
            let head = try await raw.ask("HEAD", path)
            #expect(head.status == 200 && head.headers["Content-Length"] == "\(video.bytes)")
            let part = try await raw.ask("GET", path, nil, [("Range", "bytes=4-7")])
            if delivery == "redirect" {
                #expect(part.status == 307 && part.body.isEmpty)
                #expect(part.headers["Location"]?.contains("X-Amz-Signature=") == true)
            } else {
                #expect(part.status == 206 && part.body == Array("ftyp".utf8))
                #expect(part.headers["Content-Range"] == "bytes 4-7/\(video.bytes)")
                let several = try await raw.ask("GET", path, nil, [("Range", "bytes=0-3,4-7,100-101")])
                #expect(several.status == 206 && several.text.contains("ftyp"))
                #expect(several.headers["Content-Length"] == "\(several.body.count)")
            }
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `videos move to a bucket while they are watched`() async throws {
        try await Stack.with { stack in
            let old = stack.directory.appending(path: "objects").path
            let first = try await stack.start()
            let copy = try await stack.makeOneOfEachDelivery(first, try stack.phone(first))
            #expect(await first.terminate() == 0)

            var environment = try await bucket(["GONDOLA_STORAGE_FORMER": old])
            let both = try await stack.start(environment)
            try await stack.checkFiles(of: copy, try stack.phone(both))
            let state = stack.directory.appending(path: "mover").path
            let moved = try await storage("move", environment.merging(["GONDOLA_STATE_DIR": state]) { $1 })
            #expect(moved.status == 0)
            #expect(moved.output.contains(#""moved":4"#))
            try await stack.checkFiles(of: copy, try stack.phone(both))
            #expect(await both.terminate() == 0)

            environment["GONDOLA_STORAGE_FORMER"] = nil
            try FileManager.default.removeItem(atPath: old)
            let new = try await stack.start(environment)
            try await stack.checkFiles(of: copy, try stack.phone(new))
            #expect(await new.terminate() == 0)
        }
    }

    private func storage(_ command: String, _ environment: [String: String]) async throws -> (
        status: Int32, output: String
    ) {
        let process = Process()
        process.executableURL = GondolaProcess.productsDirectory.appending(path: "gondola")
        process.arguments = ["storage", command, "--json"]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        let file = FileManager.default.temporaryDirectory.appending(path: "gondola-move-\(UUID())")
        _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: file) }
        process.standardOutput = try FileHandle(forWritingTo: file)
        let ended = Signal()
        process.terminationHandler = { _ in ended.fire() }
        try process.run()
        await ended.wait()
        return (process.terminationStatus, try String(contentsOf: file, encoding: .utf8))
    }

    @Test func `a bucket that cannot be used keeps the process from starting, and the reason holds no secret`()
        async throws
    {
        try await Stack.with { stack in
            for (wrong, reason) in [
                (["AWS_SECRET_ACCESS_KEY": "geheim"], "SignatureDoesNotMatch"),
                (["AWS_ACCESS_KEY_ID": "NOBODY"], "InvalidAccessKeyId"),
                (["GONDOLA_STORAGE": "s3://nowhere"], "there is no bucket nowhere"),
            ] {
                let environment = try await bucket(wrong)
                let error = await #expect(throws: (any Error).self) { try await stack.start(environment) }
                let text = "\(error.map { "\($0)" } ?? "")"
                #expect(text.contains(reason))
                #expect(!text.contains("geheim") && !text.contains(SeaweedFS.secret))
            }
        }
    }

    @Test func `below the floor nothing is paid, everybody can see why, and it goes on once there is room`()
        async throws
    {
        try await Stack.with { stack in
            let gondola = try await stack.start(["GONDOLA_STORAGE_FLOOR": "900TiB"])
            let phone = try stack.phone(gondola)
            let detail = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "once")
            _ = try await gondola.setback(of: detail.job.id)
            #expect(try await stack.simulator.ledger().calls(.queue) == 0)
            let ready = try await RawPhone(server: gondola.ops, token: "").ask("GET", "/readyz")
            #expect(ready.text.contains("GONDOLA_STORAGE_FLOOR"))
            let shown = try await stack.database.sql("select last_setback from jobs")
            #expect(shown.contains("GONDOLA_STORAGE_FLOOR"))
            let asset = try await RawPhone(server: gondola.api, token: stack.token.reveal()).ask(
                "POST", "/v1/assets", "{}")
            #expect(asset.status == 507)
            #expect(await gondola.terminate() == 0)

            let roomy = try await stack.start()
            let copy = try await stack.follow(try stack.phone(roomy)) { $0.jobs[detail.job.id]?.isOver == true }
            #expect(copy.jobs[detail.job.id]?.status == .known(.ready))
            #expect(try await stack.simulator.ledger().charges.count == 1)
            #expect(await roomy.terminate() == 0)
        }
    }
}
