import Foundation
import JobStore
import NIOCore
import Testing
import VideoModels

@testable import SyncService

/// A device that loses its access while it sends.
@Suite(.timeLimit(.minutes(10))) struct LostAccessTests {
    /// Takes the device's access away as soon as its request is let in.
    private func revoke(_ phone: PhoneServer, _ loss: AccessLoss = .revoked) async throws {
        while phone.api.door.devices.count == 0 { await Task.yield() }
        try await phone.database.sql("update devices set revoked_at = now()")
        phone.api.door.devices.end(.sample(1), loss)
    }

    @Test(arguments: [AccessLoss.revoked, .expired])
    func `a submission whose device loses its access while it comes is not taken in`(loss: AccessLoss) async throws {
        try await PhoneServer.with { phone in
            let client = try RawClient(phone.server)
            let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "k")]
            try await client.send(phone.head("POST", "/v1/jobs", headers, length: 1000) + #"{"request":"#)
            try await revoke(phone, loss)
            let answer = try await client.response()
            #expect(answer.status == 401 && answer.code == (loss == .revoked ? "token_revoked" : "token_expired"))
            #expect(answer.headers["www-authenticate"]?.contains("invalid_token") == true)
            #expect(try await phone.database.sql("select count(*) from jobs") == "0")
        }
    }

    @Test func `nor does the rest of its upload count, or what came of it since the last piece`() async throws {
        try await PhoneServer.with { phone in
            let file = pictureBytes(600_000)
            let desk = phone.api.desk
            let upload = try await desk.begin(phone.user, bytes: Int64(file.count), writer: nil)
            let client = try RawClient(phone.server)
            let headers = [
                ("Tus-Resumable", "1.0.0"), ("Content-Type", "application/offset+octet-stream"), ("Upload-Offset", "0"),
            ]
            try await client.send(phone.head("PATCH", "/v1/uploads/\(upload.id)", headers, length: file.count))
            try await client.send(Array(file[..<400_000]))
            while try phone.stagedBytes() < 256 << 10 { await Task.yield() }
            try await revoke(phone)
            let answer = try await client.response()
            #expect(answer.status == 401 && answer.code == "token_revoked")
            #expect(try await phone.database.sql("select received, writer is null from uploads") == "0|t")
            #expect(try await phone.keys() == [] && phone.stagedBytes() == 0)
        }
    }

    @Test func `nor is a file kept that came in one piece`() async throws {
        try await PhoneServer.with { phone in
            let client = try RawClient(phone.server)
            let file = pictureBytes(600_000)
            try await client.send(phone.head("POST", "/v1/assets", [], length: file.count))
            try await client.send(Array(file[..<400_000]))
            while try phone.stagedBytes() < 256 << 10 { await Task.yield() }
            try await revoke(phone)
            #expect(try await client.response().code == "token_revoked")
            #expect(try await phone.database.sql("select count(*) from uploads") == "0")
            #expect(try phone.stagedBytes() == 0)
        }
    }

    @Test func `a body that is whole counts for nothing when its sender has lost its access meanwhile`() async {
        let session = DeviceSession(user: .sample(), device: .sample()) {}
        var body = RequestBody(length: 3, limit: 10, pipe: BodyPipe(holding: ByteBuffer(string: "abc")))
        body.sender = session
        session.end(.expired)
        await #expect(throws: RequestRefusal.accessLost(.expired)) { try await body.collect(upTo: 10) }
    }

    @Test func `what is whole is not kept either when its sender has lost its access before the last step`()
        async throws
    {
        try await PhoneServer.with { phone in
            let body = RequestBody(length: 20, limit: 20, pipe: BodyPipe(holding: .init(bytes: pictureBytes(20))))
            var desk = phone.api.desk
            desk.checkSender = { throw RequestRefusal.accessLost(.revoked) }
            let upload = try await desk.begin(phone.user, bytes: 20, writer: UploadWriter(lease: 3600))
            let writer = UploadWriter(lease: 3600)
            await #expect(throws: RequestRefusal.accessLost(.revoked)) {
                try await desk.append(body, checksum: nil, to: upload, by: writer)
            }
            let staged = try await phone.objects.stage(expecting: 20, atMost: 20, body: OneChunk(pictureBytes(20)))
            await #expect(throws: RequestRefusal.accessLost(.revoked)) {
                try await desk.takeIn(staged, of: phone.user)
            }
            #expect(try await phone.keys() == [] && phone.stagedBytes() == 0)
            #expect(try await phone.database.sql("select count(*) from uploads") == "1")
        }
    }

    /// A change that was made is told all the same.
    @Test func `a device that gives up its own access is told that it has`() async throws {
        try await PhoneServer.with { phone in
            let answer = try await phone.ask("DELETE", "/v1/me/devices/\(DeviceID.sample(1))")
            #expect(answer.status == 204)
            #expect(try await phone.ask("GET", "/v1/me").code == "token_revoked")
        }
    }
}

private struct OneChunk: AsyncSequence, Sendable {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func makeAsyncIterator() -> Iterator { Iterator(left: bytes) }

    struct Iterator: AsyncIteratorProtocol {
        var left: [UInt8]?

        mutating func next() async -> [UInt8]? {
            defer { left = nil }
            return left
        }
    }
}
