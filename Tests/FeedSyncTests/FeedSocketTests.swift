import FeedSync
import FeedURLSession
import Foundation
import SyncService
import TestSupport
import Testing
import VideoModels

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The two ways over a real socket: libcurl, as the command line has it, and `URLSession`, as a phone has it.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FeedSocketTests {
    enum Way: Sendable {
        case curl, urlSession

        /// On Linux `URLSession` dies now and then of a request that is cancelled before its answer (FoundationNetworking of
        /// Swift 6.3), and takes the whole test process with it. Phones have another; here it is asked for by name.
        static let all: [Way] = {
            #if canImport(Darwin)
                [.curl, .urlSession]
            #else
                ProcessInfo.processInfo.environment["GONDOLA_TEST_URLSESSION"] == nil ? [.curl] : [.curl, .urlSession]
            #endif
        }()
    }

    private func transport(_ way: Way, _ server: SocketServer) throws -> any FeedTransport {
        let address = "http://\(server.authority)/gondola/"
        switch way {
        case .curl: return try PhoneClient(server: address, token: Redacted("token"))
        case .urlSession:
            let configuration = URLSessionConfiguration.ephemeral
            configuration.connectionProxyDictionary = [:]
            return URLSessionFeed(
                server: try #require(URL(string: address)), token: Redacted("token"), configuration: configuration)
        }
    }

    private static func json(_ value: some Encodable, status: String = "200 OK") throws -> String {
        let text = String(decoding: try Wire.encode(value), as: UTF8.self)
        return "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n"
            + "Connection: close\r\n\r\n\(text)"
    }

    private static let streamHead =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nretry: 100\n\n"

    @Test(arguments: Way.all) func `a phone follows over a socket, whatever happens to the stream`(way: Way)
        async throws
    {
        let first = ChangePage.sample([(1, 1, .waiting)], snapshot: true, cursor: "a+b c&1", through: 1)
        let none = ChangePage.sample(cursor: "c1", from: 1)
        let pages = [(2, Job.Status.submitting), (3, .rendering), (4, .ready)].map { sequence, status in
            ChangePage.sample([(1, Int64(sequence), status)], cursor: "c\(sequence)", from: Int64(sequence) - 1)
        }
        let heads = Locked<[String]>([])
        let (isClosed, wasAway) = (Signal(), Locked(false))
        let server = try SocketServer { connection, _ in
            let head = connection.receiveRequest().head
            guard !head.isEmpty else { return }
            heads.change { $0.append(head) }
            // By what is asked, and not by how often: a request that broke on a busy machine is made again.
            let id = head.lowercased().split(separator: "last-event-id: ").dropFirst().first?.prefix(2)
            var answer: [String]?
            switch id {
            case nil where head.contains("cursor="): answer = try? [Self.json(none)]
            case nil: answer = try? [Self.json(first)]
            // Breaks in the middle of an event.
            case "c1": answer = try? [Self.streamHead, pages[0].event, String(pages[1].event.prefix(40))]
            case "c2" where !wasAway.value:
                wasAway.set(true)
                let problem = Problem(status: 503, code: .unavailable, title: "t")
                answer = try? [Self.json(problem, status: "503 Unavailable")]
            case "c2":
                answer = try? [Self.streamHead, pages[1].event, "event: close\ndata: {\"reason\":\"draining\"}\n\n"]
            default:
                answer = try? [
                    Self.streamHead + ": heart", "beat\r\n" + pages[2].event.replacing("\n", with: "\r\n"),
                ]
            }
            for piece in answer ?? [] { connection.send(piece) }
            if id == "c3" {
                connection.awaitEnd()
                isClosed.fire()
            }
        }
        defer { server.stop() }
        var client = FeedClient(try transport(way, server), clock: PatienceClock())
        while client.copy.jobs[.sample(1)]?.status != .known(.ready) { _ = try await client.next() }
        #expect(client.cursor == "c4")
        client.close()
        await isClosed.wait()
        let lines = heads.value
        #expect(lines.allSatisfy { $0.lowercased().contains("authorization: bearer token") })
        #expect(lines.contains { $0.hasPrefix("GET /gondola/v1/changes?wait=0 HTTP/1.1") })
        #expect(lines.contains { $0.hasPrefix("GET /gondola/v1/changes?cursor=a%2Bb%20c%261&wait=0 HTTP/1.1") })
        #expect(wasAway.value && lines.last?.lowercased().contains("accept: text/event-stream") == true)
    }

    @Test(arguments: Way.all) func `nobody there is trouble that passes, and an address that is none is not`(
        way: Way
    ) async throws {
        let server = try SocketServer { _, _ in }
        server.stop()
        let transport = try transport(way, server)
        let error = await #expect(throws: FeedClientError.self) {
            _ = try await transport.send(FeedRequest(path: "/v1/changes"))
        }
        #expect(error?.isPassing == true)
        let wrong = URLSessionFeed(server: try #require(URL(string: "ftp://x/y")), token: Redacted("t"))
        let other = await #expect(throws: FeedClientError.self) { _ = try await wrong.send(FeedRequest(path: "/v1")) }
        #expect(other?.isPassing == false)
    }

    @Test(arguments: Way.all) func `a redirect is not followed, so that the token goes nowhere else`(way: Way)
        async throws
    {
        let elsewhere = try SocketServer { connection, _ in connection.answer("{}") }
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send(
                "HTTP/1.1 302 Found\r\nLocation: http://\(elsewhere.authority)/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        }
        let response = try await transport(way, server).send(FeedRequest(path: "/v1/changes"))
        #expect(response.status == 302 && elsewhere.connections == 0)
        server.stop()
        elsewhere.stop()
    }

    @Test(arguments: Way.all) func `a cancelled wait ends at once`(way: Way) async throws {
        let (asked, gone) = (Signal(), Signal())
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            asked.fire()
            connection.awaitEnd()
            gone.fire()
        }
        defer { server.stop() }
        let transport = try transport(way, server)
        let waiting = Task {
            var client = FeedClient(transport)
            _ = try await client.next()
        }
        await asked.wait()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        await gone.wait()
    }
}
