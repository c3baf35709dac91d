import Foundation
import NIOCore
import ObjectStorage
import Testing
import VideoModels

@testable import SyncService

/// Answers on their way to a device: how long they keep its place, and what becomes of them when it loses its access.
@Suite(.timeLimit(.minutes(10))) struct AnswerClaimTests {
    private static let size = 32 << 20

    private static func bodies() throws -> [(String, APIResponse.Body)] {
        let path = NSTemporaryDirectory() + "gondola-claim-" + UUID().uuidString
        defer { unlink(path) }
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        truncate(path, off_t(size))
        let descriptor = open(path, O_RDONLY)
        let bytes = ByteBuffer(repeating: 7, count: size)
        return [
            ("file", .parts([.file(OpenFile(owning: descriptor), 0..<Int64(size))])), ("bytes", .bytes(bytes)),
            ("stream", .stream { write in try await write(bytes) }),
            ("measured stream", .measuredStream(Int64(size)) { write in try await write(bytes) }),
        ]
    }

    private func with(
        _ body: APIResponse.Body, _ test: (DeviceSession, RawClient) async throws -> Void
    ) async throws {
        let session = DeviceSession(user: .sample(), device: .sample()) {}
        let handle: APIHandler = { _ in
            var response = APIResponse(status: 200, body: body)
            response.claim = session.enter(atMost: 1).map { AnswerClaim(place: $0, session: session) }
            return response
        }
        var limits = HTTPServerLimits.patient
        limits.goodbye = .milliseconds(1)
        try await withServer(limits: limits, handle) { server in
            let client = try RawClient(server, receiveBuffer: 1 << 16)
            try await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = try await client.head()
            try await test(session, client)
        }
    }

    private func takeAll(_ client: RawClient) async -> Int {
        var total = 0
        while let bytes = try? await client.receive(1 << 20), !bytes.isEmpty { total += bytes.count }
        return total
    }

    private func isFree(_ session: DeviceSession) async {
        while session.enter(atMost: 1) == nil { await Task.yield() }
    }

    @Test func `whatever its body, an answer keeps the device's place and is cut when the access is lost`() async throws
    {
        for (name, body) in try Self.bodies() {
            try await with(body) { session, client in
                #expect(session.enter(atMost: 1) == nil, "\(name)")
                session.end(.revoked)
                await isFree(session)
                #expect(await takeAll(client) < Self.size, "\(name)")
            }
        }
    }

    @Test func `an answer gives the place back when it is written, and when its client leaves`() async throws {
        for (name, body) in try Self.bodies() {
            try await with(body) { session, client in
                #expect(session.enter(atMost: 1) == nil, "\(name)")
                client.hangUp()
                await isFree(session)
            }
        }
        try await with(.bytes(ByteBuffer(string: "abc"))) { session, _ in await isFree(session) }
    }
}
