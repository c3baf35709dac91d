import Foundation
import HTTPTransport
import JobLifecycle
import JobStore
import Logging
import ObjectStorage
import TestSupport
import VideoModels

@testable import SyncService

/// The phone's API on a socket, with a database, a directory and one user's device. The upstream is never asked.
struct PhoneServer: Sendable {
    let database: TestDatabase
    let root: String
    let objects: LocalObjectStore
    let api: PhoneAPI
    let server: HTTPServer
    let user: UserID
    let token: String

    static func with(
        _ configure: (inout Configuration) -> Void = { _ in }, _ body: (PhoneServer) async throws -> Void
    ) async throws {
        var configuration = Configuration()
        configure(&configuration)
        let root = NSTemporaryDirectory() + "gondola-phone-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: root) }
        let objects = try LocalObjectStore(root: root)
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try await TestDatabase.with { database in
            let accounts = Accounts(configuration, http: ScriptedHTTPClient())
            let api = PhoneAPI(
                store: database.store, storage: Storage(objects, floor: 0),
                models: ModelDirectory(store: database.store, venice: accounts.first, refreshInterval: 3600, log: log),
                accounts: accounts, linkKeys: LinkKeys([Redacted([UInt8](repeating: 1, count: 32))]), hub: FeedHub(),
                door: Door(
                    devices: DeviceSessions(store: database.store, log: log), requestsPerMinute: 1_000_000,
                    requestsAtOnce: 1000),
                policy: JobPolicy(), configuration: configuration, log: log)
            let user = try await database.store.addUser(named: "a", id: .sample(1)).id
            let token = try await database.store.issueToken(user: user, device: .sample(1), name: "phone").reveal()
            try await withServer(api.router.handle) { server in
                try await body(
                    PhoneServer(
                        database: database, root: root, objects: objects, api: api, server: server, user: user,
                        token: token))
            }
        }
    }

    /// One request on a connection of its own.
    func ask(
        _ method: String, _ path: String, _ headers: [(String, String)] = [], body: [UInt8]? = nil, token: String? = nil
    ) async throws -> RawResponse {
        let client = try RawClient(server)
        try await client.send(head(method, path, headers, length: body?.count, token: token))
        if let body { try await client.send(body) }
        let answer = try await client.response(toHead: method == "HEAD")
        let fields = answer.headers.fields.map { ($0.name, $0.value) }
        ExchangeRecord.note(method, path, status: answer.status, headers: fields, body: answer.body)
        return answer
    }

    /// The head of a request, for those whose body comes in a strange way.
    func head(
        _ method: String, _ path: String, _ headers: [(String, String)], length: Int?, token: String? = nil
    ) -> String {
        let bearer = token ?? self.token
        var fields = [("Host", "x")] + headers
        if !bearer.isEmpty { fields.append(("Authorization", "Bearer \(bearer)")) }
        if let length { fields.append(("Content-Length", "\(length)")) }
        return "\(method) \(path) HTTP/1.1\r\n" + fields.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
    }

    /// A second user's device.
    func stranger() async throws -> String {
        let other = try await database.store.addUser(named: "b", id: .sample(2)).id
        return try await database.store.issueToken(user: other, device: .sample(2), name: "phone").reveal()
    }

    /// Objects of the user, whatever they are.
    func keys() async throws -> [String] {
        try await objects.list(prefix: "\(user)/", after: nil, limit: 1000).map(\.key.description)
    }

    var pruner: Pruner {
        Pruner(
            store: database.store, objects: objects, settings: RetentionSettings(),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, pause: {})
    }

    /// The bytes on their way to an object, as far as they are written.
    func stagedBytes() throws -> Int {
        let folder = root + "/staging"
        return try FileManager.default.contentsOfDirectory(atPath: folder).reduce(0) { total, name in
            var status = stat()
            return total + (stat("\(folder)/\(name)", &status) == 0 ? Int(status.st_size) : 0)
        }
    }
}

extension RawResponse {
    var code: String? { (try? problem())?.code.word }
}

/// A picture's beginning, and then anything.
func pictureBytes(_ count: Int) -> [UInt8] {
    [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        + (8..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}
