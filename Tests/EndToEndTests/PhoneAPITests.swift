import Foundation
import HTTPTransport
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// The phone's API on a real server: what is right, and above all what is wrong.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PhoneAPITests {
    @Test func `every refusal is a problem document that names what is wrong`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let raw = RawPhone(server: gondola.api, token: stack.token.reveal())
            let good =
                #"{"request":{"model":"wan-2.5-preview-text-to-video","prompt":"p","duration":"5s","resolution":"480p","aspect_ratio":"16:9"}}"#
            let cases: [(String, String, String?, [(String, String)], Int, String)] = [
                ("GET", "/v1/changes?cursor=nonsense", nil, [], 400, "cursor_malformed"),
                ("GET", "/v1/changes?cursor=1.\(UUID()).\(UUID()).c0", nil, [], 400, "cursor_foreign"),
                ("GET", "/v1/changes?cursor=1.\(UUID()).\(stack.user).c0", nil, [], 410, "cursor_expired"),
                ("GET", "/v1/changes?curser=x", nil, [], 400, "malformed_request"),
                ("GET", "/v1/changes?limit=0", nil, [], 400, "malformed_request"),
                ("GET", "/v1/changes?wait=601", nil, [], 400, "malformed_request"),
                ("GET", "/v1/jobs/\(UUID())", nil, [], 404, "not_found"),
                ("GET", "/v1/jobs/x", nil, [], 404, "not_found"),
                ("GET", "/v1/videos/\(UUID())/content", nil, [], 404, "not_found"),
                ("GET", "/nowhere", nil, [], 404, "not_found"),
                ("PUT", "/v1/jobs", good, [], 405, "method_not_allowed"),
                ("POST", "/v1/jobs", good, [], 400, "malformed_request"),
                ("POST", "/v1/jobs", "{", [("Idempotency-Key", "k")], 400, "malformed_request"),
                ("POST", "/v1/jobs", "[]", [("Idempotency-Key", "k")], 400, "malformed_request"),
                (
                    "POST", "/v1/jobs", #"{"request":{"model":"m"},"max_prise":"1"}"#, [("Idempotency-Key", "k")], 422,
                    "validation_failed"
                ),
                (
                    "POST", "/v1/jobs", #"{"request":{"model":"m","promt":"p"}}"#, [("Idempotency-Key", "k")], 422,
                    "validation_failed"
                ),
                (
                    "POST", "/v1/jobs", #"{"request":{"model":"no-such-model","prompt":"p"}}"#,
                    [("Idempotency-Key", "k")], 422, "validation_failed"
                ),
                ("POST", "/v1/quotes", #"{"request":{"model":7}}"#, [], 422, "validation_failed"),
                ("POST", "/v1/assets", "no picture at all", [], 415, "unsupported_media_type"),
                ("POST", "/v1/assets", "x", [("Repr-Digest", "sha-256=:AAAA:")], 400, "malformed_request"),
            ]
            for (method, path, body, headers, status, code) in cases {
                let answer = try await raw.ask(method, path, body, headers)
                #expect(answer.status == status, "\(method) \(path): \(answer.text)")
                #expect(answer.problem?.code.word == code, "\(method) \(path): \(answer.text)")
                #expect(answer.problem?.requestID != nil)
            }
            #expect(try await stack.simulator.ledger().charges.isEmpty)
            #expect(try await stack.database.sql("select count(*) from jobs") == "0")
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a request that the model refuses comes back with every finding at once`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let raw = RawPhone(server: gondola.api, token: stack.token.reveal())
            let body = """
                {"request": {"model": "wan-2.5-preview-text-to-video", "duration": "7s", "audio": true, \
                "image": {"asset_id": "\(UUID().uuidString.lowercased())"}}}
                """
            let answer = try await raw.ask("POST", "/v1/jobs", body, [("Idempotency-Key", "k")])
            #expect(answer.status == 422)
            let fields = Set(answer.problem?.errors?.map(\.field) ?? [])
            #expect(
                fields == [
                    "request.prompt", "request.duration", "request.resolution", "request.aspect_ratio", "request.audio",
                    "request.image",
                ])
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `keys that nobody knows come back together with what the model refuses`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let raw = RawPhone(server: gondola.api, token: stack.token.reveal())
            func fields(_ path: String, _ body: String) async throws -> [String]? {
                let answer = try await raw.ask("POST", path, body, [("Idempotency-Key", "k")])
                #expect(answer.status == 422, "\(answer.text)")
                return answer.problem?.errors?.map(\.field)
            }
            let model = "wan-2.5-preview-text-to-video"
            let request =
                #"{"model":"\#(model)","promt":"p","duration":"7s","resolution":"480p","aspect_ratio":"16:9"}"#
            let expected = ["request.promt", "request.prompt", "request.duration"]
            #expect(try await fields("/v1/quotes", #"{"request":\#(request)}"#) == expected)
            #expect(
                try await fields("/v1/jobs", #"{"request":\#(request),"max_prise":"1"}"#) == ["max_prise"] + expected)
            let unknown = #"{"request":{"model":"no-such-model","promt":"p"}}"#
            #expect(try await fields("/v1/jobs", unknown) == ["request.promt", "request.model"])
            // The model has nothing against it, and the same key was never used: refused all the same.
            let good = request.replacing("promt", with: "prompt").replacing("7s", with: "5s")
            #expect(try await fields("/v1/jobs", #"{"request":\#(good),"max_prise":"1"}"#) == ["max_prise"])
            #expect(
                try await fields("/v1/jobs/\(UUID())/decision", #"{"decision":"x","why":"y"}"#) == ["why", "decision"])
            #expect(try await stack.database.sql("select count(*) from jobs") == "0")
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a file that is not what its field is for is refused, and so is a misspelt key deep inside`()
        async throws
    {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let raw = RawPhone(server: gondola.api, token: stack.token.reveal())
            let phone = try stack.phone(gondola)
            let picture = try await phone.uploadAsset(file: try await stack.picture(), contentType: "image/png")
            func body(_ audio: String) -> String {
                """
                {"request": {"model": "wan-2.5-preview-image-to-video", "prompt": "p", "duration": "5s", \
                "resolution": "480p", "image": {"asset_id": "\(picture.id)"}, "audio_track": \(audio)}}
                """
            }
            let wrong = try await raw.ask("POST", "/v1/quotes", body(#"{"asset_id":"\#(picture.id)"}"#))
            #expect(wrong.status == 422)
            #expect(wrong.problem?.errors?.map(\.field) == ["request.audio_track"])
            #expect(wrong.problem?.errors?.first?.code == .known(.notAllowed))
            #expect(wrong.problem?.errors?.first?.given == "image/png")
            let misspelt = try await raw.ask("POST", "/v1/quotes", body(#"{"uri":"https://a.example/a.mp3"}"#))
            #expect(misspelt.status == 422)
            #expect(
                misspelt.problem?.errors?.map(\.field) == ["request.audio_track", "request.audio_track.uri"])
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `nobody gets in without a valid token, and a revoked one ends at once`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            for token in ["", "gdl_wrong", "Basic x", String(repeating: "x", count: 500)] {
                let answer = try await RawPhone(server: gondola.api, token: token).ask("GET", "/v1/changes")
                #expect(answer.status == 401)
                #expect(
                    answer.headers["www-authenticate"]?.hasPrefix(#"Bearer realm="gondola", error="invalid_token""#)
                        == true)
            }
            let device = DeviceID(at: Date())
            let token = try await stack.database.store.issueToken(user: stack.user, device: device, name: "old phone")
            let phone = RawPhone(server: gondola.api, token: token.reveal())
            let page = try Wire.decode(ChangePage.self, from: Data(try await phone.ask("GET", "/v1/changes").body))
            async let waiting = phone.ask("GET", "/v1/changes?wait=60&cursor=\(page.cursor)")
            try await gondola.waitForFeeds(1)
            // Another process does it; the server hears of it.
            try await stack.database.store.revokeToken(device: device)
            let ended = try await waiting
            #expect(ended.status == 401 && ended.problem?.code.word == "token_revoked")
            #expect(try await phone.ask("GET", "/v1/changes").problem?.code.word == "token_revoked")
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `one user sees nothing of another`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let mine = try stack.phone(gondola)
            let asset = try await mine.uploadAsset(file: try await stack.picture(), contentType: "image/png")
            let detail = try await mine.submit(
                JobSubmission(request: Stack.imageRequest(asset.id)), idempotencyKey: "k")
            let copy = try await stack.follow(mine) { $0.jobs[detail.job.id]?.isOver == true }
            let video = try #require(copy.videos.keys.first)

            let other = UserID(at: Date())
            _ = try await stack.database.store.addUser(named: "other", id: other)
            let token = try await stack.database.store.issueToken(user: other, device: DeviceID(at: Date()), name: "p")
            let raw = RawPhone(server: gondola.api, token: token.reveal())
            for path in ["/v1/jobs/\(detail.job.id)", "/v1/assets/\(asset.id)", "/v1/videos/\(video)/content"] {
                let (theirs, nobodys) = (try await raw.ask("GET", path), try await raw.ask("GET", "/v1/jobs/\(UUID())"))
                #expect(theirs.status == 404 && theirs.problem?.title == nobodys.problem?.title)
            }
            for verb in ["cancel", "decision"] {
                let body = verb == "decision" ? #"{"decision":"give_up"}"# : nil
                #expect(try await raw.ask("POST", "/v1/jobs/\(detail.job.id)/\(verb)", body).status == 404)
            }
            let theft = try Wire.encode(JobSubmission(request: Stack.imageRequest(asset.id)))
            let answer = try await raw.ask(
                "POST", "/v1/jobs", String(decoding: theft, as: UTF8.self), [("Idempotency-Key", "k")])
            #expect(answer.problem?.errors?.first?.code == .known(.notFound))
            let feed = try await stack.follow(try PhoneClient(server: gondola.api, token: token)) { _ in true }
            #expect(feed.jobs.isEmpty && feed.videos.isEmpty)
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `the same key is the same job, and with another body a conflict`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let submission = JobSubmission(request: Stack.textRequest())
            let first = try await phone.submit(submission, idempotencyKey: "k")
            let again = try await phone.submit(submission, idempotencyKey: "k")
            #expect(first.job.id == again.job.id)
            let other = JobSubmission(request: Stack.textRequest("something else"))
            await #expect(throws: PhoneClientError.self) { try await phone.submit(other, idempotencyKey: "k") }
            _ = try await stack.follow(phone) { $0.jobs[first.job.id]?.isOver == true }
            #expect(try await stack.simulator.ledger().charges.count == 1)
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a job above its price limit fails unpaid, and one that waits can be cancelled`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let dear = try await phone.submit(
                JobSubmission(request: Stack.textRequest(), maxPrice: Money("0.01")), idempotencyKey: "dear")
            let copy = try await stack.follow(phone) { $0.jobs[dear.job.id]?.isOver == true }
            #expect(copy.jobs[dear.job.id]?.failure?.code == "price_above_limit")

            // Quotes fail, so the job goes on waiting.
            try stack.simulator.inject([Fault(.init(endpoint: .quote, count: 0), .edgePage(status: 503))])
            let waiting = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "wait")
            let cancelled = try await phone.cancel(waiting.job.id)
            #expect(cancelled.job.status == .known(.cancelled))
            #expect(try await phone.cancel(waiting.job.id) == cancelled)
            #expect(try await stack.simulator.ledger().charges.isEmpty)
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a video comes in ranges, unchanged ones are not sent again`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let detail = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "k")
            let copy = try await stack.follow(phone) { $0.jobs[detail.job.id]?.isOver == true }
            let video = try #require(copy.videos.values.first)
            let raw = RawPhone(server: gondola.api, token: stack.token.reveal())
            let path = "/v1/videos/\(video.id)/content"
            let whole = try await raw.ask("GET", path)
            #expect(whole.body.count == video.bytes)
            #expect(whole.headers["etag"] == "\"\(video.sha256)\"")
            let part = try await raw.ask("GET", path, nil, [("Range", "bytes=100-199")])
            #expect(part.status == 206)
            #expect(part.body == Array(whole.body[100..<200]))
            #expect(part.headers["content-range"] == "bytes 100-199/\(video.bytes)")
            #expect(try await raw.ask("GET", path, nil, [("If-None-Match", "\"\(video.sha256)\"")]).status == 304)
            #expect(try await raw.ask("GET", path, nil, [("Range", "bytes=99999999-")]).status == 416)
            let head = try await raw.ask("HEAD", path)
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a waiting feed answers at a change, and at once when the process drains`() async throws {
        try await Stack.with { stack in
            // Wake-ups alone: the feed's own look comes too late to be what ends the wait.
            let gondola = try await stack.start(["GONDOLA_FEED_POLL_INTERVAL": "60s"])
            let phone = try stack.phone(gondola)
            let start = try await phone.changes()
            async let page = phone.changes(cursor: start.cursor, wait: 50)
            let detail = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "k")
            #expect(try await page.changes.first?.key.id == detail.job.id.description)

            let copy = try await stack.follow(phone) { $0.jobs[detail.job.id]?.isOver == true }
            try await gondola.waitFor("cleanedUp", of: detail.job.id)
            async let last = phone.changes(cursor: copy.state.cursor, wait: 50)
            try await gondola.waitForFeeds(1)
            #expect(await gondola.terminate() == 0)
            #expect(try await last.changes.isEmpty)
        }
    }
}

/// Requests as they are, for what a proper client never sends.
struct RawPhone {
    var server: String
    var token: String
    private let http = CurlHTTPClient()

    init(server: String, token: String) {
        (self.server, self.token) = (server, token)
    }

    struct Answer {
        var status: Int
        var headers: HTTPHeaders
        var body: [UInt8]

        var text: String { String(decoding: body.prefix(500), as: UTF8.self) }
        var problem: Problem? { try? Wire.decode(Problem.self, from: Data(body)) }
    }

    func ask(
        _ method: String, _ path: String, _ body: String? = nil, _ headers: [(String, String)] = []
    ) async throws -> Answer {
        var request = HTTPRequest(method, server + path)
        request.acceptsCompression = false
        request.headers.add("Authorization", "Bearer \(token)", secret: true)
        for (name, value) in headers { request.headers.add(name, value) }
        if let body {
            request.headers.add("Content-Type", "application/json")
            request.body = .bytes(Array(body.utf8))
        }
        let response = try await http.send(request)
        let bytes = try await response.body.collect(upTo: 64 << 20)
        ExchangeRecord.note(
            method, path, status: response.status, headers: response.headers.fields.map { ($0.name, $0.value) },
            body: bytes)
        return Answer(status: response.status, headers: response.headers, body: bytes)
    }
}

extension GondolaProcess {
    /// Returns once so many feeds wait for a change, as the metrics tell.
    func waitForFeeds(_ count: Int) async throws {
        let raw = RawPhone(server: ops, token: "")
        while true {
            let metrics = String(decoding: try await raw.ask("GET", "/metrics").body, as: UTF8.self)
            if metrics.contains("gondola_feed_clients \(count)\n") { return }
        }
    }
}
