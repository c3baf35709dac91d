import Foundation
import HTTPTransport
import Logging
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// What happens to finished videos: deleted, brought back, removed, whatever the process dies at; and shown by pictures.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LifecycleTests {
    /// A finished video, its phone, and raw requests.
    private func makeVideo(
        _ stack: Stack, _ gondola: GondolaProcess
    ) async throws -> (video: Video, copy: MemoryChangeStore, raw: RawPhone) {
        let phone = try stack.phone(gondola)
        let job = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "once").job.id
        let copy = try await stack.follow(phone) { $0.jobs[job]?.isOver == true }
        try await gondola.waitFor("cleanedUp", of: job)
        return (
            try #require(copy.videos.values.first), copy, RawPhone(server: gondola.api, token: stack.token.reveal())
        )
    }

    private func file(_ stack: Stack, _ video: Video) async throws -> String {
        let key = try await stack.database.sql("select storage_key from videos where id = '\(video.id)'")
        let objects = stack.directory.appending(path: "objects/objects")
        let shards = try FileManager.default.contentsOfDirectory(atPath: objects.path)
        let paths = shards.map { objects.appending(path: "\($0)/\(key)").path }
        return paths.first(where: FileManager.default.fileExists) ?? ""
    }

    @Test func `a video is deleted for every device at once, and comes back with its bytes`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let (video, _, raw) = try await makeVideo(stack, gondola)
            let path = "/v1/videos/\(video.id)"
            let answer = try await raw.ask("DELETE", path)
            #expect(answer.status == 200)
            let deletion = try Wire.decode(Deletion.self, from: Data(answer.body))
            #expect(try Wire.decode(Change.self, from: Data(answer.body)) == deletion.change)
            #expect(try await raw.ask("DELETE", path).body == answer.body)
            #expect(try await raw.ask("GET", path + "/content").status == 404)
            let phone = try stack.phone(gondola)
            let after = try await phone.changes()
            #expect(!after.changes.contains { $0.key.kind == .known(.video) })
            #expect(after.through == deletion.sequence)

            let back = try await raw.ask("POST", path + "/undelete")
            #expect(back.status == 200)
            let change = try Wire.decode(Change.self, from: Data(back.body))
            #expect(change == Change(sequence: deletion.sequence + 1, object: .video(video)))
            let content = try await raw.ask("GET", path + "/content")
            #expect(Int64(content.body.count) == video.bytes)

            // The request is another thing: it goes by itself, and the video stays.
            #expect(try await raw.ask("DELETE", "/v1/jobs/\(video.jobID)").status == 200)
            #expect(try await raw.ask("GET", "/v1/jobs/\(video.jobID)").status == 404)
            #expect(try await raw.ask("GET", path + "/content").status == 200)
            #expect(try await raw.ask("POST", "/v1/jobs/\(video.jobID)/undelete").status == 200)
            #expect(try await raw.ask("GET", "/v1/jobs/\(video.jobID)").status == 200)
            #expect(try await raw.ask("DELETE", "/v1/videos/\(UUID())").problem?.code == .known(.notFound))
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a job that is under way is not deleted, and the answer says what to do`() async throws {
        try await Stack.with { stack in
            try stack.simulator.inject([Fault(.init(endpoint: .quote), .neverAnswer)])
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let job = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "once").job.id
            let raw = RawPhone(server: gondola.api, token: stack.token.reveal())
            let refusal = try await raw.ask("DELETE", "/v1/jobs/\(job)")
            #expect(refusal.status == 409 && refusal.problem?.code == .known(.stateConflict))
            #expect(refusal.problem?.detail?.contains("ancel") == true)
            #expect(try await raw.ask("POST", "/v1/jobs/\(job)/cancel").status == 200)
            #expect(try await raw.ask("DELETE", "/v1/jobs/\(job)").status == 200)
            await gondola.kill()
        }
    }

    @Test func `a full quota refuses what would not be kept, and a deletion makes room`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start(["GONDOLA_QUOTA": "1kB"])
            let (video, _, raw) = try await makeVideo(stack, gondola)
            let body = String(
                decoding: try Wire.encode(JobSubmission(request: Stack.textRequest("another"))), as: UTF8.self)
            let full = try await raw.ask("POST", "/v1/jobs", body, [("Idempotency-Key", "two")])
            #expect(full.status == 409 && full.problem?.code == .known(.quotaExceeded))
            // What was taken in before is still answered.
            let known = String(decoding: try Wire.encode(JobSubmission(request: Stack.textRequest())), as: UTF8.self)
            #expect(try await raw.ask("POST", "/v1/jobs", known, [("Idempotency-Key", "once")]).status == 201)
            #expect(try await raw.ask("DELETE", "/v1/videos/\(video.id)").status == 200)
            #expect(try await raw.ask("POST", "/v1/jobs", body, [("Idempotency-Key", "two")]).status == 201)
            await gondola.kill()
        }
    }

    @Test func `a quota that fills up while a job waits for its turn is told before the job is paid`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start(["GONDOLA_QUOTA": "1kB", "GONDOLA_ACTIVE_JOBS": "1"])
            let phone = try stack.phone(gondola)
            var jobs: [JobID] = []
            for name in ["first", "second"] {
                let submission = JobSubmission(request: Stack.textRequest(name))
                jobs.append(try await phone.submit(submission, idempotencyKey: name).job.id)
            }
            let ids = jobs
            let copy = try await stack.follow(phone) { copy in ids.allSatisfy { copy.jobs[$0]?.isOver == true } }
            #expect(copy.jobs[ids[0]]?.status == .known(.ready))
            #expect(copy.jobs[ids[1]]?.failure?.code == "quota_exceeded")
            #expect(try await stack.simulator.ledger().charges.count == 1)
            await gondola.kill()
        }
    }

    /// Whoever can reach a video finds its file, and a file whose video nobody can reach goes in the end.
    @Test(arguments: [
        "sql.lock_deletable_videos:1", "sql.delete_videos:1", "notificationWanted", "sql.begin_removals:1",
        "sql.finish_removals:1", "sql.prune_videos:1",
    ])
    func `a process that dies on a deletion's way leaves nothing half`(_ step: String) async throws {
        try await Stack.with { stack in
            let first = try await stack.start()
            let (video, _, _) = try await makeVideo(stack, first)
            #expect(await first.terminate() == 0)
            let path = try await file(stack, video)
            #expect(FileManager.default.fileExists(atPath: path))
            let isDeleting = step.contains("delet") || step.contains("notif")
            if !isDeleting {
                try await stack.database.sql(
                    """
                    with drawn as (update users set change_sequence = change_sequence + 1 returning change_sequence)
                    update videos set deleted_at = now() - interval '60 d', change_sequence = drawn.change_sequence from drawn
                    """)
            }
            let armed = try await stack.launch(["GONDOLA_FAILPOINT": step], program: "crash-worker")
            if isDeleting {
                try await armed.waitUntilReady()
                let raw = RawPhone(server: armed.api, token: stack.token.reveal())
                _ = try? await raw.ask("DELETE", "/v1/videos/\(video.id)")
            }
            #expect(await armed.waitUntilGone() == -SIGKILL)
            let state = try await stack.database.sql(
                "select deleted_at is null, removed_at is null from videos"
            ).split(separator: "|")
            let isThere = FileManager.default.fileExists(atPath: path)
            // No row that can be reached without its file.
            if state.first == "t" { #expect(isThere) }
            try await stack.database.sql(
                "update videos set deleted_at = now() - interval '60 d' where deleted_at is not null")

            let second = try await stack.start(["GONDOLA_PRUNE_INTERVAL": "1s"])
            let raw = RawPhone(server: second.api, token: stack.token.reveal())
            if state.first == "t" {
                #expect(try await raw.ask("GET", "/v1/videos/\(video.id)/content").status == 200)
            } else {
                // No file without a row, and no row for ever.
                while try await stack.database.sql("select count(*) from videos") != "0" {}
                #expect(!FileManager.default.fileExists(atPath: path))
            }
            #expect(await second.terminate() == 0)
        }
    }

    @Test(arguments: [false, true])
    func `pictures follow a video into the feed, from a directory and from a bucket`(inBucket: Bool) async throws {
        try await Stack.with { stack in
            var environment = ["GONDOLA_FFMPEG": "ffmpeg"]
            if inBucket {
                let seaweed = try await SeaweedFS.shared()
                environment.merge([
                    "GONDOLA_STORAGE": "s3://\(SeaweedFS.bucket)/\(UUID().uuidString.lowercased())",
                    "AWS_ENDPOINT_URL": seaweed.address.http, "AWS_REGION": "eu-test-1",
                    "AWS_ACCESS_KEY_ID": SeaweedFS.key, "AWS_SECRET_ACCESS_KEY": SeaweedFS.secret, "NO_PROXY": "*",
                ]) { $1 }
            }
            let gondola = try await stack.start(environment)
            let (_, _, raw) = try await makeVideo(stack, gondola)
            let copy = try await stack.follow(try stack.phone(gondola)) {
                $0.videos.values.contains { $0.preview != nil }
            }
            let video = try #require(copy.videos.values.first)
            for (name, picture) in [("poster", video.poster), ("preview", video.preview)] {
                let answer = try await raw.ask("GET", "/v1/videos/\(video.id)/\(name)")
                let told = try #require(picture)
                #expect(answer.status == 200 && answer.headers["Content-Type"] == told.contentType)
                #expect(Int64(answer.body.count) == told.bytes && answer.headers["ETag"] == "\"\(told.sha256)\"")
                let known = try await raw.ask(
                    "GET", "/v1/videos/\(video.id)/\(name)", nil, [("If-None-Match", "\"\(told.sha256)\"")])
                #expect(known.status == 304)
            }
            #expect(video.videoCodec == "h264")
            #expect(try await raw.ask("DELETE", "/v1/videos/\(video.id)").status == 200)
            #expect(try await raw.ask("GET", "/v1/videos/\(video.id)/poster").status == 404)
            #expect(await gondola.terminate() == 0)

            // All of it is as it should be, and what is not is found: in a bucket likewise.
            environment["DATABASE_URL"] = stack.database.conninfo
            environment["GONDOLA_STATE_DIR"] = stack.directory.appending(path: "state").path
            environment["GONDOLA_STORAGE"] =
                environment["GONDOLA_STORAGE"] ?? stack.directory.appending(path: "objects").path
            let configuration = try Configuration.resolve(environment: environment)
            let request = VerifyRequest(isRepairing: false, isResuming: false, bytesPerSecond: nil)
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let sound = try await configuration.verifyStorage(request, log: log) { _ in }
            #expect(sound.rows == 3 && sound.objects == 3 && sound.damage == 0, "\(sound)")
            try await stack.database.sql(
                "update videos set sha256 = repeat('0', 64); update video_pictures set storage_key = storage_key || 'x' "
                    + "where kind = 'poster'")
            let damaged = try await configuration.verifyStorage(request, log: log) { _ in }
            #expect(damaged.corrupt == 1 && damaged.missing == 1, "\(damaged)")
        }
    }
}
