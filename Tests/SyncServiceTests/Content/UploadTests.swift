import Crypto
import Foundation
import JobStore
import NIOCore
import ObjectStorage
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// Uploads that go on after a break, as a client of tus sees them.
@Suite(.timeLimit(.minutes(10))) struct UploadTests {
    private static let tus = [("Tus-Resumable", "1.0.0")]
    private static let part = [("Content-Type", "application/offset+octet-stream")]

    private func create(_ phone: PhoneServer, _ bytes: Int, _ more: [(String, String)] = []) async throws -> String {
        let answer = try await phone.ask("POST", "/v1/uploads", Self.tus + [("Upload-Length", "\(bytes)")] + more)
        #expect(answer.status == 201, "\(answer.text)")
        #expect(answer.headers["upload-offset"] == "0" && answer.headers["upload-expires"]?.hasSuffix("GMT") == true)
        return try #require(answer.headers["location"])
    }

    private func patch(
        _ phone: PhoneServer, _ path: String, at offset: Int, _ bytes: some Sequence<UInt8>,
        _ more: [(String, String)] = []
    ) async throws -> RawResponse {
        try await phone.ask(
            "PATCH", path, Self.tus + Self.part + [("Upload-Offset", "\(offset)")] + more, body: Array(bytes))
    }

    private func look(_ phone: PhoneServer, _ path: String) async throws -> RawResponse {
        try await phone.ask("HEAD", path, Self.tus)
    }

    private func isWhole(_ phone: PhoneServer, _ path: String, _ file: [UInt8]) async throws -> Bool {
        let answer = try await phone.ask("GET", path)
        let asset = try Wire.decode(Asset.self, from: Data(answer.body))
        let stored = try await phone.database.store.asset(asset.id, user: phone.user)
        let reader = try await phone.objects.open(try ObjectKey(stored.key), range: nil)
        var bytes: [UInt8] = []
        for try await chunk in reader.chunks() { bytes += chunk }
        return bytes == file && asset.sha256 == ContentHash(of: file).hex && asset.bytes == file.count
    }

    @Test func `a file that comes in parts becomes one asset, and nothing else stays`() async throws {
        try await PhoneServer.with { phone in
            let file = pictureBytes(100_000)
            let path = try await create(phone, file.count, [("Upload-Metadata", "filename YS5wbmc=,private")])
            for range in [0..<1, 1..<50_000, 50_000..<99_999] {
                let answer = try await patch(phone, path, at: range.lowerBound, file[range])
                #expect(answer.status == 204 && answer.headers["upload-offset"] == "\(range.upperBound)")
                #expect(answer.headers["tus-resumable"] == "1.0.0" && answer.headers["content-location"] == nil)
                let state = try await look(phone, path)
                #expect(state.status == 200 && state.headers["upload-offset"] == "\(range.upperBound)")
                #expect(state.headers["upload-length"] == "100000" && state.headers["cache-control"] == "no-store")
                #expect(state.headers["upload-metadata"] == "filename YS5wbmc=,private")
            }
            let last = try await patch(phone, path, at: 99_999, file[99_999...])
            #expect(last.status == 204 && last.headers["upload-offset"] == "100000")
            let asset = try #require(last.headers["content-location"])
            #expect(asset == path.replacing("uploads", with: "assets"))
            #expect(try await isWhole(phone, asset, file))
            // The answer may have been lost: asking again says the same.
            #expect(try await look(phone, path).headers["content-location"] == asset)
            #expect(try await patch(phone, path, at: 100_000, []).headers["content-location"] == asset)
            #expect(try await phone.keys().count == 1)
            #expect(try phone.stagedBytes() == 0)
        }
    }

    @Test func `a file larger than a piece is kept piece by piece, in one request`() async throws {
        try await PhoneServer.with { phone in
            let file = pictureBytes(UploadDesk.pieceBytes * 2 + 1)
            let path = try await create(phone, file.count)
            let answer = try await patch(phone, path, at: 0, file)
            #expect(answer.status == 204)
            #expect(try await phone.database.sql("select pieces from uploads") == "3")
            #expect(try await isWhole(phone, try #require(answer.headers["content-location"]), file))
        }
    }

    @Test func `bytes of an upload whose asset is deleted while a slow server ends it do not come back`() async throws {
        try await PhoneServer.with { phone in
            var objects = HookedStore(phone.objects)
            objects.beforeCommit = { _ in
                try await phone.database.sql(
                    "update uploads set finished_at = now(), received = bytes, writer = null, writer_until = null")
            }
            let desk = UploadDesk(
                store: phone.database.store, objects: objects, quota: AssetQuota(bytes: 1 << 30, count: 10),
                uploadLifetime: 1000, assetLifetime: 1000)
            let file = pictureBytes(1000)
            let body = AsyncStream<[UInt8]> { stream in
                stream.yield(file)
                stream.finish()
            }
            let staged = try await objects.stage(expecting: nil, atMost: 1000, body: body)
            await #expect(throws: StoreError.notFound) { try await desk.takeIn(staged, of: phone.user) }
            #expect(try await phone.keys() == [])
        }
    }

    @Test func `what had arrived when the connection broke is kept`() async throws {
        try await PhoneServer.with { phone in
            let file = pictureBytes(700_000)
            let path = try await create(phone, file.count)
            let client = try RawClient(phone.server)
            let headers = Self.tus + Self.part + [("Upload-Offset", "0")]
            try await client.send(phone.head("PATCH", path, headers, length: file.count))
            try await client.send(Array(file[..<400_000]))
            while try phone.stagedBytes() < 256 << 10 { await Task.yield() }
            client.hangUp()
            // The server lets go once it has kept what came.
            while try await phone.database.sql("select writer is null and received > 0 from uploads") != "t" {}
            let offset = try #require(Int(try await look(phone, path).headers["upload-offset"] ?? ""))
            #expect(offset >= 256 << 10 && offset <= 400_000)
            let rest = try await patch(phone, path, at: offset, file[offset...])
            #expect(try await isWhole(phone, try #require(rest.headers["content-location"]), file))
        }
    }

    @Test func `one writer at a time, and a dead one's place is free when its time is over`() async throws {
        try await PhoneServer.with { phone in
            let file = pictureBytes(600_000)
            let path = try await create(phone, file.count)
            let client = try RawClient(phone.server)
            let headers = Self.tus + Self.part + [("Upload-Offset", "0")]
            try await client.send(phone.head("PATCH", path, headers, length: file.count))
            try await client.send(Array(file[..<400_000]))
            while try phone.stagedBytes() < 256 << 10 { await Task.yield() }
            for (method, more) in [("PATCH", Self.part + [("Upload-Offset", "0")]), ("DELETE", [])] {
                let refused = try await phone.ask(method, path, Self.tus + more, body: [])
                #expect(refused.status == 423 && refused.code == "upload_locked", "\(method)")
                #expect(refused.headers["retry-after"].flatMap(Int.init).map { (1...30).contains($0) } == true)
            }
            #expect(try await look(phone, path).headers["upload-offset"] == "0")
            try await client.send(Array(file[400_000...]))
            #expect(try await client.response().status == 204)

            let other = try await create(phone, 20)
            try await phone.database.sql(
                "update uploads set writer = gen_random_uuid(), writer_until = now() - interval '1 s' "
                    + "where finished_at is null")
            #expect(try await patch(phone, other, at: 0, pictureBytes(20)).status == 204)
        }
    }

    @Test func `a writer whose time is over changes nothing any more`() async throws {
        try await PhoneServer.with { phone in
            let store = phone.database.store
            let desk = phone.api.desk
            let (slow, quick) = (UploadWriter(lease: 0), UploadWriter(lease: 3600))
            let upload = try await desk.begin(phone.user, bytes: 20, writer: slow)
            let taken = try await store.takeUpload(upload.id, user: phone.user, writer: quick)
            let body = RequestBody(length: 20, limit: 20, pipe: BodyPipe(holding: .init(bytes: pictureBytes(20))))
            await #expect(throws: UploadRefusal.self) {
                try await desk.append(body, checksum: nil, to: upload, by: slow)
            }
            #expect(try await store.upload(upload.id, user: phone.user).received == 0)
            #expect(try await phone.keys() == [])
            let again = RequestBody(length: 20, limit: 20, pipe: BodyPipe(holding: .init(bytes: pictureBytes(20))))
            #expect(try await desk.append(again, checksum: nil, to: taken, by: quick).isFinished)
            #expect(try await phone.keys().count == 1)
        }
    }

    @Test func `a writer that did not hear that it has finished removes nothing of the asset`() async throws {
        try await PhoneServer.with { phone in
            let desk = phone.api.desk
            let writer = UploadWriter(lease: 3600)
            let upload = try await desk.begin(phone.user, bytes: 20, writer: writer)
            let body = RequestBody(length: 20, limit: 20, pipe: BodyPipe(holding: .init(bytes: pictureBytes(20))))
            #expect(try await desk.append(body, checksum: nil, to: upload, by: writer).isFinished)
            try await desk.cleaner.clear(upload, by: writer)
            #expect(try await isWhole(phone, "/v1/assets/\(upload.id)", pictureBytes(20)))
        }
    }

    @Test func `a part goes where the upload ends and nowhere else`() async throws {
        try await PhoneServer.with { phone in
            let file = pictureBytes(1000)
            let path = try await create(phone, file.count)
            #expect(try await patch(phone, path, at: 0, file[..<600]).status == 204)
            for offset in [0, 599, 601, 1000, 5000] {
                let answer = try await patch(phone, path, at: offset, [1])
                #expect(answer.status == 409 && answer.code == "upload_offset_conflict")
                #expect(answer.headers["upload-offset"] == "600")
            }
            let long = try await patch(phone, path, at: 600, file[600...] + [0])
            #expect(long.status == 413 && long.code == "body_too_large")
            let chunked = try RawClient(phone.server)
            let headers =
                Self.tus + Self.part + [("Upload-Offset", "600"), ("Transfer-Encoding", "chunked")]
            try await chunked.send(phone.head("PATCH", path, headers, length: nil))
            try await chunked.send("1f4\r\n")
            try await chunked.send([UInt8](repeating: 7, count: 500))
            try await chunked.send("\r\n0\r\n\r\n")
            #expect(try await chunked.response().status == 413)
            #expect(try await look(phone, path).headers["upload-offset"] == "600")
            #expect(try await patch(phone, path, at: 600, file[600...]).headers["content-location"] != nil)
        }
    }

    @Test func `a part with a wrong checksum leaves nothing, one with a right one counts`() async throws {
        try await PhoneServer.with { phone in
            let file = pictureBytes(3000)
            let path = try await create(phone, file.count)
            func sum(_ bytes: some Sequence<UInt8>) -> [(String, [UInt8])] {
                [
                    ("sha256", Array(SHA256.hash(data: Array(bytes)))),
                    ("sha1", Array(Insecure.SHA1.hash(data: Array(bytes)))),
                ]
            }
            for (name, digest) in sum(file[..<999]) {
                let field = ("Upload-Checksum", "\(name) \(Data(digest).base64EncodedString())")
                let answer = try await patch(phone, path, at: 0, file[..<1000], [field])
                #expect(answer.status == 460 && answer.code == "digest_mismatch")
                #expect(try await look(phone, path).headers["upload-offset"] == "0")
                #expect(try await phone.keys() == [])
            }
            for (offset, (name, digest)) in zip([0, 1000], sum(file[..<1000]).prefix(1) + sum(file[1000...]).suffix(1))
            {
                let field = ("Upload-Checksum", "\(name) \(Data(digest).base64EncodedString())")
                let range = offset == 0 ? 0..<1000 : 1000..<3000
                #expect(try await patch(phone, path, at: offset, file[range], [field]).status == 204)
            }
            #expect(try await look(phone, path).headers["content-location"] != nil)
        }
    }

    @Test func `a first part may come with the beginning`() async throws {
        try await PhoneServer.with { phone in
            let file = pictureBytes(500)
            let some = try await phone.ask(
                "POST", "/v1/uploads", Self.tus + Self.part + [("Upload-Length", "500")], body: Array(file[..<200]))
            #expect(some.status == 201 && some.headers["upload-offset"] == "200")
            let path = try #require(some.headers["location"])
            #expect(try await patch(phone, path, at: 200, file[200...]).headers["content-location"] != nil)
            let all = try await phone.ask(
                "POST", "/v1/uploads", Self.tus + Self.part + [("Upload-Length", "500")], body: file)
            #expect(all.status == 201 && all.headers["upload-offset"] == "500")
            #expect(try await isWhole(phone, try #require(all.headers["content-location"]), file))
        }
    }

    @Test(arguments: [
        "<html><script>alert(1)</script></html>", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "%PDF-1.7",
    ])
    func `what is no medium is refused at the end, and is gone`(text: String) async throws {
        try await PhoneServer.with { phone in
            let path = try await create(phone, text.utf8.count, [("Upload-Metadata", "filetype aW1hZ2UvcG5n")])
            let answer = try await patch(phone, path, at: 0, text.utf8)
            #expect(answer.status == 415 && answer.code == "unsupported_media_type")
            #expect(try await look(phone, path).status == 404)
            let plain = try await phone.ask(
                "POST", "/v1/assets", [("Content-Type", "image/png")], body: Array(text.utf8))
            #expect(plain.status == 415)
            #expect(try await phone.keys() == [])
            #expect(try await phone.database.sql("select count(*) from uploads") == "0")
        }
    }

    @Test func `an upload that is dropped leaves nothing, and a finished one its asset`() async throws {
        try await PhoneServer.with { phone in
            let file = pictureBytes(1000)
            let path = try await create(phone, 1000)
            _ = try await patch(phone, path, at: 0, file[..<500])
            #expect(try await phone.keys().count == 1)
            #expect(try await phone.ask("DELETE", path, Self.tus).status == 204)
            #expect(try await look(phone, path).status == 404)
            #expect(try await phone.keys() == [])
            let done = try await create(phone, 1000)
            let asset = try #require(try await patch(phone, done, at: 0, file).headers["content-location"])
            // For a client that can only send POST.
            let override = Self.tus + [("X-HTTP-Method-Override", "DELETE")]
            #expect(try await phone.ask("POST", done, override).status == 204)
            #expect(try await look(phone, done).status == 404)
            #expect(try await phone.ask("GET", asset).status == 200)
        }
    }

    @Test func `what is not tus, or not ours, is refused with its reason`() async throws {
        try await PhoneServer.with {
            $0.assetBytesLimit = 1000
        } _: { phone in
            let options = try await phone.ask("OPTIONS", "/v1/uploads")
            #expect(options.status == 204 && options.headers["tus-version"] == "1.0.0")
            #expect(options.headers["tus-max-size"] == "1000")
            #expect(
                options.headers["tus-extension"] == "creation,creation-with-upload,expiration,checksum,termination")
            #expect(options.headers["tus-checksum-algorithm"] == "sha256,sha1")

            let path = try await create(phone, 10)
            let cases: [(String, String, [(String, String)], [UInt8]?, Int, String)] = [
                ("POST", "/v1/uploads", [("Upload-Length", "1")], nil, 412, "unsupported_version"),
                ("HEAD", path, [("Tus-Resumable", "0.2.2")], nil, 412, ""),
                ("POST", "/v1/uploads", Self.tus, nil, 400, "malformed_request"),
                ("POST", "/v1/uploads", Self.tus + [("Upload-Length", "-1")], nil, 400, "malformed_request"),
                ("POST", "/v1/uploads", Self.tus + [("Upload-Length", "0")], nil, 400, "malformed_request"),
                ("POST", "/v1/uploads", Self.tus + [("Upload-Length", "1e3")], nil, 400, "malformed_request"),
                ("POST", "/v1/uploads", Self.tus + [("Upload-Length", "1001")], nil, 413, "body_too_large"),
                ("POST", "/v1/uploads", Self.tus + [("Upload-Defer-Length", "1")], nil, 400, "malformed_request"),
                (
                    "POST", "/v1/uploads", Self.tus + [("Upload-Length", "9"), ("Upload-Metadata", "a b c")], nil, 400,
                    "malformed_request"
                ),
                (
                    "POST", "/v1/uploads", Self.tus + [("Upload-Length", "9"), ("Upload-Metadata", "a YQ==,a YQ==")],
                    nil, 400, "malformed_request"
                ),
                ("POST", "/v1/uploads", Self.tus + [("Upload-Length", "9")], [1], 415, "unsupported_media_type"),
                ("PATCH", path, Self.tus + [("Upload-Offset", "0")], [1], 415, "unsupported_media_type"),
                ("PATCH", path, Self.tus + Self.part, [1], 400, "malformed_request"),
                ("PATCH", path, Self.tus + Self.part + [("Upload-Offset", "x")], [1], 400, "malformed_request"),
                (
                    "PATCH", path, Self.tus + Self.part + [("Upload-Offset", "0"), ("Upload-Checksum", "md5 AAAA")],
                    [1],
                    400, "malformed_request"
                ),
                (
                    "PATCH", path, Self.tus + Self.part + [("Upload-Offset", "0"), ("Upload-Checksum", "sha1 AAAA")],
                    [1], 400, "malformed_request"
                ),
                ("POST", path, Self.tus, nil, 405, "method_not_allowed"),
                ("HEAD", "/v1/uploads/\(UUID())", Self.tus, nil, 404, ""),
                ("DELETE", "/v1/uploads/x", Self.tus, nil, 404, "not_found"),
            ]
            for (method, path, headers, body, status, code) in cases {
                let answer = try await phone.ask(method, path, headers, body: body)
                #expect(answer.status == status, "\(method) \(headers): \(answer.text)")
                #expect(answer.code ?? "" == code, "\(method) \(headers): \(answer.text)")
                #expect(answer.headers["tus-resumable"] == "1.0.0")
                if status == 412 { #expect(answer.headers["tus-version"] == "1.0.0") }
            }
            #expect(try await look(phone, path).headers["upload-offset"] == "0")
            #expect(try await phone.keys() == [])
        }
    }

    @Test func `another user finds none of it`() async throws {
        try await PhoneServer.with { phone in
            let path = try await create(phone, 10)
            let other = try await phone.stranger()
            for (method, headers) in [
                ("HEAD", []), ("DELETE", []), ("PATCH", Self.part + [("Upload-Offset", "0")]),
            ] {
                let answer = try await phone.ask(method, path, Self.tus + headers, body: [1], token: other)
                #expect(answer.status == 404, "\(method)")
            }
            let asset = try await phone.ask("POST", "/v1/assets", body: pictureBytes(30))
            let place = try #require(asset.headers["location"])
            #expect(try await phone.ask("GET", place, token: other).status == 404)
            #expect(try await phone.ask("DELETE", place, token: other).status == 404)
            let list = try await phone.ask("GET", "/v1/assets", token: other)
            #expect(try Wire.decode(AssetPage.self, from: Data(list.body)).assets == [])
            #expect(try await phone.ask("GET", place).status == 200)
        }
    }

    @Test func `an upload that nobody goes on with expires, and nothing of it stays`() async throws {
        try await PhoneServer.with { phone in
            let (path, kept) = (try await create(phone, 100), try await create(phone, 100))
            for path in [path, kept] { _ = try await patch(phone, path, at: 0, pictureBytes(50)) }
            let id = path.split(separator: "/").last!
            try await phone.database.sql("update uploads set expires_at = now() where id = '\(id)'")
            for answer in [
                try await look(phone, path), try await patch(phone, path, at: 50, [1]),
                try await phone.ask("DELETE", path, Self.tus),
            ] {
                #expect(answer.status == 410)
            }
            #expect(try await phone.pruner.prune()["uploads"] == 1)
            #expect(try await look(phone, path).status == 404)
            #expect(try await phone.keys().allSatisfy { !$0.contains(id) })
            #expect(try await patch(phone, kept, at: 50, pictureBytes(100)[50...]).status == 204)
        }
    }
}
