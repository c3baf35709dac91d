import Foundation
import JobStore
import Logging
import NIOCore
import TestSupport
import VideoModels

@testable import SyncService

/// The phone's API on a real database, asked without a socket.
struct LocalAPI: Sendable {
    let database: TestDatabase
    let parts: ServiceParts
    let router: Router

    struct Answer: Sendable {
        var status: Int
        var headers: APIHeaders
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var problem: Problem? { try? Wire.decode(Problem.self, from: Data(body)) }
        var code: String? { problem?.code.word }
    }

    static func with(
        _ configure: (inout Configuration) -> Void = { _ in }, _ body: (LocalAPI) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let directory = FileManager.default.temporaryDirectory.appending(path: "gondola-api-\(UUID())")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            var configuration = Configuration()
            // As an operator's database is: with a role that row-level security binds.
            configuration.databaseURL = Redacted(try await database.ordinaryConninfo())
            configuration.storage = directory.appending(path: "objects").path
            configuration.stateDirectory = directory.appending(path: "state").path
            configuration.veniceKey = Redacted("key")
            // Nobody is there: what asks the upstream is told so.
            configuration.veniceBaseURL = "http://127.0.0.1:1/api/v1"
            configuration.storageFloor = 0
            configuration.requestsPerMinute = 1_000_000
            configure(&configuration)
            var log = Logger(label: "test")
            log.logLevel = .critical
            let parts = try ServiceParts(configuration, roles: [.api], log: log)
            let result: Result<Void, any Error>
            do { result = .success(try await run(database, parts, body)) } catch { result = .failure(error) }
            parts.http.stop()
            parts.storage.stop()
            await parts.store.close()
            try result.get()
        }
    }

    private static func run(
        _ database: TestDatabase, _ parts: ServiceParts, _ body: (LocalAPI) async throws -> Void
    ) async throws {
        let model = "wan-2.5-preview-text-to-video"
        try await database.store.save([.recorded(model)], account: parts.configuration.veniceAccount)
        await parts.models.load()
        try await parts.storage.checkAtStart(parts.log)
        let listener = parts.store.listen { wakeup in
            parts.hear(wakeup)
            parts.hub.wake(wakeup)
        }
        defer { listener.stop() }
        parts.devices.listen { listener.isConnected }
        while !listener.isConnected { await Task.yield() }
        try await body(LocalAPI(database: database, parts: parts, router: PhoneAPI(parts).router))
    }

    /// A new user with a device.
    func newUser(
        _ name: String, scopes: Set<Scope> = [.read, .submit]
    ) async throws -> (user: UserID, device: DeviceID, token: Redacted<String>) {
        let (user, device) = (UserID(at: Date()), DeviceID(at: Date()))
        _ = try await database.store.addUser(named: name, id: user)
        let token = try await database.store.issueToken(user: user, device: device, name: "phone", scopes: scopes)
        return (user, device, token)
    }

    func ask(
        _ method: String, _ target: String, _ token: Redacted<String>?, body: String? = nil,
        _ headers: [(String, String)] = [], from address: String = "127.0.0.1"
    ) async -> Answer {
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        var fields: APIHeaders = ["host": "local"]
        if let token { fields.add("authorization", "Bearer \(token.reveal())") }
        if body != nil { fields.add("content-type", "application/json") }
        for (name, value) in headers { fields.add(name, value) }
        let bytes = ByteBuffer(string: body ?? "")
        let request = APIRequest(
            method: APIMethod(method), path: parts[0],
            query: APIRequest.query(parsing: parts.dropFirst().first ?? "") ?? [],
            headers: fields, remoteAddress: address, id: "r1",
            body: RequestBody(
                length: Int64(bytes.readableBytes), limit: 1 << 20, pipe: BodyPipe(holding: bytes)),
            drain: DrainSignal())
        return Answer(await router.handle(request), to: method, target)
    }

    static let submission = """
        {"request":{"model":"wan-2.5-preview-text-to-video","prompt":"p","duration":"5s","resolution":"480p",\
        "aspect_ratio":"16:9"}}
        """
}

extension LocalAPI.Answer {
    fileprivate init(_ response: APIResponse, to method: String, _ target: String) {
        (status, headers, body) = (response.status, response.headers, [])
        if method != "HEAD", case .bytes(let bytes) = response.body { body = Array(bytes.readableBytesView) }
        let fields = headers.fields.map { ($0.name, $0.value) } + [("x-request-id", "r1")]
        ExchangeRecord.note(method, target, status: status, headers: fields, body: body)
    }
}
