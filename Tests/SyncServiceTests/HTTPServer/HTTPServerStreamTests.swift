import Foundation
import NIOCore
import ObjectStorage
import Synchronization
import Testing

@testable import SyncService

/// Long answers, long bodies, and ends in the middle of them.
@Suite struct HTTPServerStreamTests {
    private let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    @Test func `a stream arrives piece by piece and ends well`() async throws {
        let (steps, step) = AsyncStream.makeStream(of: String.self)
        let handle: APIHandler = { _ in
            APIResponse(status: 200, body: .stream { write in for await text in steps { try await write(text) } })
        }
        try await withServer(handle) { server in
            let client = try RawClient(server)
            try await client.send(get)
            #expect(try await client.head().headers["transfer-encoding"] == "chunked")
            for text in ["data: 1\n\n", "data: 2\n\n"] {
                step.yield(text)
                #expect(try await client.chunk() == Array(text.utf8))
            }
            step.finish()
            #expect(try await client.chunk().isEmpty)
        }
    }

    @Test func `a stream for HTTP 1.0 ends with the connection`() async throws {
        let handle: APIHandler = { _ in APIResponse(status: 200, body: .stream { try await $0("abc") }) }
        try await withServer(handle) { server in
            let client = try RawClient(server)
            try await client.send("GET / HTTP/1.0\r\n\r\n")
            #expect(try await client.receiveAll().hasSuffix("\r\n\r\nabc"))
        }
    }

    @Test func `a stream that fails is visibly cut`() async throws {
        struct Failure: Error {}
        let handle: APIHandler = { _ in
            APIResponse(
                status: 200,
                body: .stream { write in
                    try await write("abc")
                    throw Failure()
                })
        }
        try await withServer(handle) { server in
            let client = try RawClient(server)
            try await client.send(get)
            #expect(try await client.receiveAll().hasSuffix("3\r\nabc\r\n"))
        }
    }

    @Test func `a stream is never further ahead than the system's buffers`() async throws {
        let written = Mutex(0)
        let handle: APIHandler = { _ in
            APIResponse(
                status: 200,
                body: .stream { write in
                    let piece = ByteBuffer(repeating: 7, count: 1 << 16)
                    for _ in 0..<300 {
                        try await write(piece)
                        written.withLock { $0 += piece.readableBytes }
                    }
                })
        }
        try await withServer(handle) { server in
            let client = try RawClient(server, receiveBuffer: 1 << 16)
            try await client.send(get)
            _ = try await client.head()
            var received = 0
            while case let chunk = try await client.chunk(), !chunk.isEmpty {
                received += chunk.count
                #expect(written.withLock { $0 } - received < 12 << 20)
            }
            #expect(received == 300 << 16 && written.withLock { $0 } == received)
        }
    }

    @Test func `a client that leaves cancels its handler`() async throws {
        let (started, cancelled) = (DrainSignal(), DrainSignal())
        let never = DrainSignal()
        let handle: APIHandler = { _ in
            started.set()
            await never.wait()
            if Task.isCancelled { cancelled.set() }
            return .text("nobody reads this")
        }
        try await withServer(handle) { server in
            let client = try RawClient(server)
            try await client.send(get)
            await started.wait()
            client.hangUp()
            await cancelled.wait()
            #expect(!never.isSet)
        }
    }

    @Test func `a client that leaves in the middle of its body ends the reading`() async throws {
        let (refusals, report) = AsyncStream.makeStream(of: RequestRefusal.self)
        let handle: APIHandler = { request in
            do throws(RequestRefusal) { _ = try await request.body.collect(upTo: 1_000) } catch { report.yield(error) }
            return .text("")
        }
        try await withServer(handle) { server in
            let client = try RawClient(server)
            try await client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
            client.hangUp()
            var iterator = refusals.makeAsyncIterator()
            #expect(await iterator.next() == .clientGone)
        }
    }

    @Test func `a body is read from the socket only as the handler takes it`() async throws {
        let (takes, take) = AsyncStream.makeStream(of: Void.self)
        let handle: APIHandler = { request in
            var (count, iterator) = (0, request.body.limited(to: .max).makeAsyncIterator())
            for await _ in takes { break }
            while let part = try? await iterator.next() { count += part.readableBytes }
            return .text("\(count)")
        }
        try await withServer(handle) { server in
            let client = try RawClient(server)
            let size = 64 << 20
            try await client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \(size)\r\n\r\n")
            let sent = Mutex(0)
            let sending = Task {
                for _ in 0..<64 {
                    try await client.send([UInt8](repeating: 1, count: 1 << 20))
                    sent.withLock { $0 += 1 }
                }
            }
            // Nothing is taken yet, so what is sent stays in the system's buffers, and they do not hold it all.
            #expect(sent.withLock { $0 } < 64)
            take.yield()
            try await sending.value
            #expect(try await client.response().text == "\(size)")
        }
    }

    @Test func `stopping lets requests end, tells streams, and refuses new connections`() async throws {
        let (began, go) = (DrainSignal(), DrainSignal())
        let handle: APIHandler = { request in
            if request.path == "/stream" {
                return APIResponse(
                    status: 200,
                    body: .stream { write in
                        try await write("open")
                        await request.drain.wait()
                        try await write("bye")
                    })
            }
            began.set()
            await go.wait()
            return .text("done")
        }
        let server = try await HTTPServer.start(on: .anyPort, handle: handle)
        let (working, streaming, resting) = (try RawClient(server), try RawClient(server), try RawClient(server))
        try await working.send(get)
        try await streaming.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        _ = try await streaming.head()
        #expect(try await streaming.chunk() == Array("open".utf8))
        await began.wait()
        let stopping = Task { await server.shutdown(grace: .seconds(60)) }
        #expect(try await resting.receive().isEmpty)
        #expect(try await streaming.chunk() == Array("bye".utf8))
        #expect(throws: ClientError.self) { try RawClient(server) }
        go.set()
        let answer = try await working.response()
        #expect(answer.text == "done" && answer.isClosing)
        #expect(await stopping.value == 0)
        #expect(server.connectionCount == 0)
    }

    @Test func `what outlasts the grace period is cut off and cancelled`() async throws {
        let (began, cancelled, never) = (DrainSignal(), DrainSignal(), DrainSignal())
        let server = try await HTTPServer.start(on: .anyPort) { _ in
            began.set()
            await never.wait()
            cancelled.set()
            return .text("")
        }
        let client = try RawClient(server)
        try await client.send(get)
        await began.wait()
        #expect(await server.shutdown(grace: .milliseconds(1)) == 1)
        await cancelled.wait()
        #expect(try await client.receive().isEmpty)
    }
}
