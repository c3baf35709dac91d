import Foundation
import JobStore
import NIOCore
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// Signed links to one video.
@Suite(.timeLimit(.minutes(10))) struct LinkTests {
    private static let secret = Redacted([UInt8](repeating: 1, count: 32))
    private static let other = Redacted([UInt8](repeating: 2, count: 32))
    private let link = LinkKeys.Link(
        user: .sample(1), video: .sample(2), expiresAt: Date(timeIntervalSince1970: 1_900_000_000))

    @Test func `a link reads back as what was signed, and no changed character goes unnoticed`() {
        let keys = LinkKeys([Self.secret])
        let text = keys.sign(link).reveal()
        #expect(keys.read(text) == link && text.utf8.count == 104)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=")
        for index in text.indices {
            for letter in alphabet where letter != text[index] {
                var changed = text
                changed.replaceSubrange(index...index, with: [letter])
                #expect(keys.read(changed) == nil)
            }
        }
        for wrong in ["", "x", text + "A", String(text.dropLast(4)), text + "="] { #expect(keys.read(wrong) == nil) }
    }

    @Test func `a former key's links are good as long as it is kept, and new ones have the new key`() {
        let old = LinkKeys([Self.secret]).sign(link).reveal()
        let both = LinkKeys([Self.other, Self.secret])
        #expect(both.read(old) == link)
        let new = both.sign(link).reveal()
        #expect(LinkKeys([Self.other]).read(new) == link)
        #expect(LinkKeys([Self.other]).read(old) == nil && LinkKeys([Self.secret]).read(new) == nil)
    }

    @Test func `without a file the key follows from the one for secrets, and a file is read line by line`() throws {
        let box = try #require(SecretBox(key: Data(repeating: 9, count: 32)))
        let derived = try LinkKeys(file: nil, secrets: box)
        #expect(try LinkKeys(file: nil, secrets: box).read(derived.sign(link).reveal()) == link)
        #expect(LinkKeys([Redacted([UInt8](repeating: 9, count: 32))]).read(derived.sign(link).reveal()) == nil)
        let file = NSTemporaryDirectory() + "gondola-links-" + UUID().uuidString
        defer { unlink(file) }
        func write(_ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
            chmod(file, 0o600)
        }
        try write(
            [Self.other, Self.secret].map { Data($0.reveal()).base64EncodedString() }.joined(separator: "\n") + "\n")
        let keys = try LinkKeys(file: file, secrets: box)
        #expect(keys.read(LinkKeys([Self.secret]).sign(link).reveal()) == link)
        #expect(LinkKeys([Self.other]).read(keys.sign(link).reveal()) == link)
        for wrong in ["", "abc\n", Data(repeating: 1, count: 31).base64EncodedString()] {
            try write(wrong)
            #expect(throws: SetupError.self) { try LinkKeys(file: file, secrets: box) }
        }
    }

    private func withVideo(
        _ configure: (inout Configuration) -> Void = { _ in },
        _ body: (PhoneServer, VideoID, [UInt8]) async throws -> Void
    ) async throws {
        try await PhoneServer.with(configure) { phone in
            var request = VideoRequest.sample
            request.prompt = "Öl auf Wasser"
            let job = try await phone.database.store.submit(
                JobSubmission(request: request), id: .sample(7), user: phone.user, account: "main", key: nil)
            let (id, bytes) = (VideoID.sample(8), pictureBytes(5000))
            let key = try ObjectKey(user: phone.user.description, "videos", "8.mp4")
            let info = try await phone.objects.put(
                key,
                body: AsyncStream {
                    $0.yield(bytes)
                    $0.finish()
                })
            try await phone.database.sql(
                "insert into videos (user_id, id, job_id, model, storage_key, content_type, bytes, sha256, "
                    + "change_sequence) values ('\(phone.user)', '\(id)', '\(job.job.id)', 'm', '\(key)', 'video/mp4', "
                    + "5000, '\(info.sha256!.hex)', 99)")
            try await body(phone, id, bytes)
        }
    }

    private func make(_ phone: PhoneServer, _ video: VideoID, _ body: String? = nil) async throws -> VideoLink {
        let type = [("Content-Type", "application/json")]
        let answer = try await phone.ask(
            "POST", "/v1/videos/\(video)/link", body == nil ? [] : type, body: body.map { Array($0.utf8) })
        #expect(answer.status == 201 && answer.headers["cache-control"] == "no-store", "\(answer.text)")
        return try Wire.decode(VideoLink.self, from: Data(answer.body))
    }

    @Test func `bytes that are not those of the row are not given out by its hash`() async throws {
        try await withVideo { phone, video, bytes in
            let path = "/v1/videos/\(video)/content"
            #expect(try await phone.ask("GET", path).body == bytes)
            let key = try ObjectKey(user: phone.user.description, "videos", "8.mp4")
            for other in [Array(bytes.dropLast()), pictureBytes(4999) + [0]] where other != bytes {
                try await phone.objects.put(key, bytes: other)
                let answer = try await phone.ask("GET", path, [("Range", "bytes=0-9")])
                #expect(answer.status == 503 && answer.code == "unavailable" && answer.headers["etag"] == nil)
                #expect(answer.headers["cache-control"] == "no-store")
            }
        }
    }

    @Test func `a link opens its video for a player without a token, in ranges and under a readable name`() async throws
    {
        try await withVideo { phone, video, bytes in
            let link = try await make(phone, video, #"{"expires_in": 60}"#)
            #expect(link.expiresAt.timeIntervalSinceNow <= 60 && link.url.hasPrefix("/v1/links/"))
            let whole = try await phone.ask("GET", link.url, token: "")
            #expect(whole.status == 200 && whole.body == bytes)
            #expect(whole.headers["referrer-policy"] == "no-referrer")
            #expect(whole.headers["content-type"] == "video/mp4")
            #expect(whole.headers["cache-control"]?.wholeMatch(of: /private, max-age=[0-9]{1,2}, immutable/) != nil)
            #expect(
                whole.headers["content-disposition"]
                    == #"inline; filename="_l auf Wasser.mp4"; filename*=UTF-8''%C3%96l%20auf%20Wasser.mp4"#)
            let part = try await phone.ask("GET", link.url, [("Range", "bytes=-7")], token: "")
            #expect(part.status == 206 && part.body == Array(bytes.suffix(7)))
            let head = try await phone.ask("HEAD", link.url, token: "")
            #expect(head.status == 200 && head.headers["content-length"] == "5000" && head.body.isEmpty)
            let known = try await phone.ask("GET", link.url, [("If-None-Match", head.headers["etag"] ?? "")], token: "")
            #expect(known.status == 304 && known.headers["referrer-policy"] == "no-referrer")
            let kept = try await phone.ask("GET", link.url + "?download=1", token: "")
            #expect(kept.headers["content-disposition"]?.hasPrefix("attachment; ") == true)
            #expect(try await phone.ask("GET", link.url + "?download=2", token: "").status == 400)
            let own = try await phone.ask("GET", "/v1/videos/\(video)/content?download=1")
            #expect(own.body == bytes && own.headers["content-disposition"]?.hasPrefix("attachment; ") == true)
            #expect(own.headers["cache-control"] == "private, max-age=31536000, immutable")
        }
    }

    @Test func `a link ends with its time, its key and its video, and one that was changed is none`() async throws {
        try await withVideo { phone, video, _ in
            let link = try await make(phone, video)
            var changed = Array(link.url)
            changed[40] = changed[40] == "A" ? "B" : "A"
            let tampered = try await phone.ask("GET", String(changed), token: "")
            #expect(tampered.status == 404 && tampered.code == "not_found")
            let past = LinkKeys.Link(user: phone.user, video: video, expiresAt: Date(timeIntervalSinceNow: -1))
            let old = "/v1/links/" + phone.api.linkKeys.sign(past).reveal()
            let expired = try await phone.ask("GET", old, token: "")
            #expect(expired.status == 410 && expired.code == "link_expired" && !expired.text.contains(old))
            let strange = LinkKeys.Link(user: .sample(2), video: video, expiresAt: Date(timeIntervalSinceNow: 60))
            let theirs = "/v1/links/" + phone.api.linkKeys.sign(strange).reveal()
            #expect(try await phone.ask("GET", theirs, token: "").status == 404)
            #expect(try await phone.ask("GET", link.url, token: "").status == 200)
            try await phone.database.sql("update videos set deleted_at = now()")
            #expect(try await phone.ask("GET", link.url, token: "").status == 404)
            #expect(try await phone.ask("POST", "/v1/videos/\(video)/link").status == 404)
        }
    }

    @Test func `a link lives as long as the server lets it and belongs to the video's user`() async throws {
        try await withVideo {
            $0.linkLifetimeLimit = 120
        } _: { phone, video, _ in
            #expect(try await make(phone, video).expiresAt.timeIntervalSinceNow <= 120)
            let type = [("Content-Type", "application/json")]
            for (body, status) in [
                (#"{"expires_in": 121}"#, 422), (#"{"expires_in": 0}"#, 422), (#"{"expires_in": -5}"#, 422),
                (#"{"expires_in": "60"}"#, 422), (#"{"expires_at": 60}"#, 422), (#"{"expires_in": 1e99}"#, 422),
                ("x", 400), (#"{"expires_in": 120}"#, 201), ("{}", 201),
            ] {
                let answer = try await phone.ask(
                    "POST", "/v1/videos/\(video)/link", type, body: Array(body.utf8))
                #expect(answer.status == status, "\(body): \(answer.text)")
            }
            let other = try await phone.stranger()
            #expect(try await phone.ask("POST", "/v1/videos/\(video)/link", token: other).status == 404)
            #expect(try await phone.ask("POST", "/v1/videos/\(video)/link", token: "").status == 401)
        }
    }

    @Test(arguments: ["/v1/links/SECRET", "/v1/%6Cinks/SECRET", "//v1/links/SECRET/x", "/v1/links"])
    func `a link's path is never logged`(path: String) {
        let request = APIRequest(
            method: .get, path: path, query: [], headers: [:], remoteAddress: "", id: "",
            body: RequestBody(length: 0, limit: 0, pipe: BodyPipe(holding: .init())), drain: DrainSignal())
        #expect(!request.loggedPath.contains("SECRET"))
        var plain = request
        plain.path = "/v1/videos/1/link"
        #expect(plain.loggedPath == plain.path)
    }
}
