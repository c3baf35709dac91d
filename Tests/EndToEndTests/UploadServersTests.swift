import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VideoModels

/// One upload, several servers, and a bucket between them.
@Suite(.serialized, .timeLimit(.minutes(10))) struct UploadServersTests {
    @Test func `an upload goes on with another server, and ends as one asset in the bucket`() async throws {
        try await Stack.with { stack in
            let bucket = [
                "GONDOLA_STORAGE": "s3://\(SeaweedFS.bucket)/\(UUID().uuidString.lowercased())",
                "AWS_ENDPOINT_URL": try await SeaweedFS.shared().address.http, "AWS_REGION": "eu-test-1",
                "AWS_ACCESS_KEY_ID": SeaweedFS.key, "AWS_SECRET_ACCESS_KEY": SeaweedFS.secret, "NO_PROXY": "*",
            ]
            let first = try await stack.start(bucket)
            let own = [
                "GONDOLA_STATE_DIR": stack.directory.appending(path: "second").path,
                "GONDOLA_SECRET_KEY_FILE": stack.directory.appending(path: "state/secret.key").path,
            ]
            let second = try await stack.start(bucket.merging(own) { $1 })
            let file = "GIF89a" + String(repeating: "gondola ", count: 1000)
            let servers = [first, second].map { RawPhone(server: $0.api, token: stack.token.reveal()) }
            let tus = [("Tus-Resumable", "1.0.0")]
            let begun = try await servers[0].ask(
                "POST", "/v1/uploads", nil, tus + [("Upload-Length", "\(file.utf8.count)")])
            let path = try #require(begun.headers["Location"])
            var offset = 0
            for (index, end) in [2000, 5000, file.utf8.count].enumerated() {
                let server = servers[index % 2]
                let state = try await server.ask("HEAD", path, nil, tus)
                #expect(state.headers["Upload-Offset"] == "\(offset)")
                let part = String(file.dropFirst(offset).prefix(end - offset))
                let headers = [
                    ("Content-Type", "application/offset+octet-stream"), ("Upload-Offset", "\(offset)"),
                ]
                let answer = try await server.ask("PATCH", path, part, tus + headers)
                #expect(answer.status == 204, "\(answer.text)")
                offset = end
            }
            let done = try await servers[1].ask("HEAD", path, nil, tus)
            let answer = try await servers[1].ask("GET", try #require(done.headers["Content-Location"]))
            let asset = try Wire.decode(Asset.self, from: Data(answer.body))
            #expect(asset.contentType == "image/gif" && asset.bytes == file.utf8.count)
            let hash = try await stack.database.sql("select encode(sha256('\(file)'::bytea), 'hex')")
            #expect(asset.sha256 == hash)
            #expect(try await servers[0].ask("DELETE", "/v1/assets/\(asset.id)").status == 204)
            #expect(try await servers[1].ask("GET", "/v1/assets/\(asset.id)").status == 404)
            #expect(await first.terminate() == 0)
            #expect(await second.terminate() == 0)
        }
    }
}
