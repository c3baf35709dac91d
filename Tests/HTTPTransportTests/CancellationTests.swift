import Foundation
import TestSupport
import Testing

@testable import HTTPTransport

struct CancellationTests {
    let client = CurlHTTPClient()

    @Test func `cancelling before the request is written sends nothing`() async throws {
        let server = try SocketServer { connection, _ in connection.answer("") }
        let start = Signal()
        let task = Task { [client] () async -> HTTPClientError? in
            await start.wait()
            do throws(HTTPClientError) {
                _ = try await client.send(HTTPRequest("GET", server.url))
                return nil
            } catch { return error }
        }
        task.cancel()
        start.fire()
        let error = await task.value
        #expect(error?.reason == .cancelled)
        #expect(error?.sent == .nothing)
    }

    @Test func `cancelling while the answer is awaited closes the connection, and the request may have arrived`()
        async throws
    {
        let arrived = Signal()
        let closed = Signal()
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            arrived.fire()
            connection.awaitEnd()
            closed.fire()
        }
        let task = Task { [client] () async -> HTTPClientError? in
            do throws(HTTPClientError) {
                _ = try await client.send(HTTPRequest("GET", server.url))
                return nil
            } catch { return error }
        }
        await arrived.wait()
        task.cancel()
        let error = await task.value
        #expect(error?.reason == .cancelled)
        #expect(error?.sent == .maybe)
        await closed.wait()
    }

    /// Sends without end, and fires when the other side is gone.
    private func endlessServer(_ closed: Signal) throws -> SocketServer {
        try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
            while connection.send([UInt8](repeating: 1, count: 65536)) {}
            closed.fire()
        }
    }

    @Test func `cancelling in the middle of a body closes the connection`() async throws {
        let closed = Signal()
        let reading = Signal()
        let server = try endlessServer(closed)
        let task = Task { [client] in
            let response = try await client.send(HTTPRequest("GET", server.url))
            for try await _ in response.body { reading.fire() }
        }
        await reading.wait()
        task.cancel()
        let result = await task.result
        #expect(throws: HTTPClientError.self) { try result.get() }
        await closed.wait()
    }

    @Test func `dropping a response closes the connection`() async throws {
        let closed = Signal()
        let server = try endlessServer(closed)
        _ = try await client.send(HTTPRequest("GET", server.url)).status
        await closed.wait()
    }

    @Test func `leaving a loop over the body closes the connection`() async throws {
        let closed = Signal()
        let server = try endlessServer(closed)
        do {
            let response = try await client.send(HTTPRequest("GET", server.url))
            for try await chunk in response.body where !chunk.isEmpty { break }
        }
        await closed.wait()
    }

    @Test func `stopping fails what runs, what waits and what comes later`() async throws {
        let arrived = Signal()
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            arrived.fire()
            connection.awaitEnd()
        }
        let task = Task { [client] in try await client.send(HTTPRequest("GET", server.url)) }
        await arrived.wait()
        client.stop()
        let running = await #expect(throws: HTTPClientError.self) { _ = try await task.value }
        #expect(running?.reason == .stopped)
        #expect(running?.sent == .maybe)
        let later = await #expect(throws: HTTPClientError.self) {
            _ = try await client.send(HTTPRequest("GET", server.url))
        }
        #expect(later?.reason == .stopped)
        #expect(later?.sent == .nothing)
    }

    @Test func `more than may wait in line is refused at once`() async throws {
        let server = try SocketServer { connection, _ in connection.awaitEnd() }
        var configuration = CurlHTTPClient.Configuration()
        configuration.maximumConcurrent = 1
        configuration.maximumQueued = 0
        let client = CurlHTTPClient(configuration)
        let reasons = await withTaskGroup(of: HTTPClientError?.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    do throws(HTTPClientError) {
                        _ = try await client.send(HTTPRequest("GET", server.url))
                        return nil
                    } catch { return error }
                }
            }
            // Two are refused; then the one that runs is cancelled.
            let refused = [await group.next()!, await group.next()!]
            group.cancelAll()
            return (refused + [await group.next()!]).map { $0?.reason }
        }
        #expect(reasons == [.overloaded, .overloaded, .cancelled])
        client.stop()
    }
}
