import Foundation
import JobStore
import Logging
import NIOCore
import TestSupport
import VideoModels

@testable import SyncService

/// The phone's API in this process on a socket and a database of its own, for one user with one device. What is written
/// through `database.store` comes as from another process.
struct FeedServer: Sendable {
    let database: TestDatabase
    let parts: ServiceParts
    let phone: PhoneAPI
    let server: HTTPServer
    let user: UserID
    let token: Redacted<String>

    /// - Parameter listens: Whether wake-ups come; without them the look for all waiting feeds has to do.
    static func with(
        listens: Bool = true, connections: Int = 8, limits: HTTPServerLimits = .patient,
        _ configure: (inout Configuration) -> Void = { _ in }, _ body: (FeedServer) async throws -> Void
    ) async throws {
        try await TestDatabase.with(connections: connections) { database in
            let directory = FileManager.default.temporaryDirectory.appending(path: "gondola-feed-\(UUID())")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            var configuration = Configuration()
            configuration.databaseURL = Redacted(database.conninfo)
            configuration.storage = directory.appending(path: "objects").path
            configuration.stateDirectory = directory.appending(path: "state").path
            configuration.feedPollInterval = listens ? 3600 : 0.05
            configuration.requestsPerMinute = 1_000_000
            configuration.requestsAtOnce = 1000
            configure(&configuration)
            var log = Logger(label: "test")
            log.logLevel = .critical
            let parts = try ServiceParts(configuration, roles: [.api], log: log)
            try await run(parts, database, listens: listens, limits: limits, body)
            parts.http.stop()
            parts.storage.stop()
            await parts.store.close()
        }
    }

    private static func run(
        _ parts: ServiceParts, _ database: TestDatabase, listens: Bool, limits: HTTPServerLimits,
        _ body: (FeedServer) async throws -> Void
    ) async throws {
        let user = UserID.sample()
        _ = try await database.store.addUser(named: "feed", id: user)
        let token = try await database.store.issueToken(user: user, device: .sample(), name: "phone")
        let phone = PhoneAPI(parts)
        let server = try await HTTPServer.start(
            on: .anyPort, limits: limits, handleAtOnce: phone.answerAtOnce,
            handle: ContentCoding.applied(to: phone.router.handle))
        let listener =
            listens
            ? parts.store.listen { wakeup in
                parts.hear(wakeup)
                parts.hub.wake(wakeup)
            } : nil
        // As a process that serves does: what was looked up is believed while revocations and changes are heard of.
        if let listener {
            parts.devices.listen { listener.isConnected }
            parts.hub.listen { listener.isConnected }
            while !listener.isConnected { await Task.yield() }
        }
        let result: Result<Void, any Error> = await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await parts.hub.run(every: .seconds(parts.configuration.feedPollInterval), log: parts.log) {
                    listener?.isConnected ?? false
                } look: {
                    try await parts.store.feedMarks(of: $0)
                }
            }
            let result: Result<Void, any Error>
            do {
                try await body(
                    FeedServer(database: database, parts: parts, phone: phone, server: server, user: user, token: token)
                )
                result = .success(())
            } catch { result = .failure(error) }
            group.cancelAll()
            return result
        }
        parts.hub.wakeAll()
        await server.shutdown(grace: .zero)
        listener?.stop()
        try result.get()
    }

    @discardableResult
    func submit(_ number: UInt64, prompt: String? = nil) async throws -> JobDetail {
        var request = VideoRequest.sample
        if let prompt { request.prompt = prompt }
        return try await database.store.submit(
            JobSubmission(request: request), id: .sample(number), user: user, account: "main")
    }

    func client(receiveBuffer: Int32? = nil) throws -> RawClient { try RawClient(server, receiveBuffer: receiveBuffer) }

    /// The same server as it looks to the holder of another token.
    func with(_ token: Redacted<String>) -> FeedServer {
        FeedServer(database: database, parts: parts, phone: phone, server: server, user: user, token: token)
    }

    /// A poll as the server's connections hand it on.
    func poll(_ cursor: String) -> APIRequest {
        APIRequest(
            method: .get, path: "/v1/changes", query: [APIRequest.QueryItem(name: "cursor", value: cursor)],
            headers: ["authorization": "Bearer \(token.reveal())"], remoteAddress: "127.0.0.1", id: "poll",
            body: RequestBody(length: 0, limit: 0, pipe: BodyPipe(holding: ByteBuffer())), drain: server.drain)
    }

    /// A request's text, with this user's token.
    func get(_ target: String, _ headers: [String] = []) -> String {
        (["GET \(target) HTTP/1.1", "Host: x", "Authorization: Bearer \(token.reveal())"] + headers)
            .joined(separator: "\r\n") + "\r\n\r\n"
    }

    func ask(_ target: String, _ headers: [String] = []) async throws -> RawResponse {
        let client = try client()
        try await client.send(get(target, headers))
        return try await client.response()
    }

    /// Opens a stream and returns once it has begun.
    func stream(_ target: String = "/v1/changes", _ headers: [String] = []) async throws -> EventReader {
        let client = try client()
        try await client.send(get(target, ["Accept: text/event-stream"] + headers))
        return EventReader(client: client, head: try await client.head())
    }

    /// Returns once so many feeds wait, and know so much each.
    func waitUntil(waiters: Int) async {
        while parts.hub.waiting < waiters { await Task.yield() }
    }
}

extension RawResponse {
    func page() throws -> ChangePage { try Wire.decode(ChangePage.self, from: Data(body)) }
    func problem() throws -> Problem { try Wire.decode(Problem.self, from: Data(body)) }
}

/// Reads the events of a stream as they come.
final class EventReader: @unchecked Sendable {
    struct Event {
        var name: String?
        var id: String?
        var data: String?
        var retry: String?
        var comment: String?

        func page() throws -> ChangePage { try Wire.decode(ChangePage.self, from: Data((data ?? "").utf8)) }
    }

    let client: RawClient
    let head: RawResponse
    private var text = ""

    init(client: RawClient, head: RawResponse) { (self.client, self.head) = (client, head) }

    /// The next event or comment; nil when the stream has ended well.
    func next() async throws -> Event? {
        while true {
            if let end = text.firstRange(of: "\n\n") {
                defer { text.removeSubrange(..<end.upperBound) }
                return Self.event(text[..<end.lowerBound])
            }
            let chunk = try await client.chunk()
            if chunk.isEmpty { return nil }
            text += String(decoding: chunk, as: UTF8.self)
        }
    }

    /// The next of this name; others are passed over.
    func next(_ name: String) async throws -> Event? {
        while let event = try await next() { if event.name == name { return event } }
        return nil
    }

    private static func event(_ text: Substring) -> Event {
        text.split(separator: "\n").reduce(into: Event()) { event, line in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? String(trimmed(parts[1])) : ""
            switch parts.first {
            case "event": event.name = value
            case "id": event.id = value
            case "data": event.data = value
            case "retry": event.retry = value
            case "": event.comment = value
            default: break
            }
        }
    }
}
