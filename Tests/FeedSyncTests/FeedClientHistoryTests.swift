import Foundation
import TestSupport
import Testing
import VideoModels

@testable import FeedSync

/// Random histories through the client itself: streams cut anywhere, ended in order, or mute; cursors that expire in the
/// middle; polls that break.
@Suite(.timeLimit(.minutes(10))) struct FeedClientHistoryTests {
    @Test(arguments: 0..<UInt64(60))
    func `whatever happens on the way, the copy ends up as the server`(seed: UInt64)
        async throws
    {
        var generator = SeededGenerator(seed)
        let server = RoughFeed(seed: seed)
        var client = FeedClient(
            server, copy: MemoryChangeStore(), clock: PatienceClock(), generator: SeededGenerator(seed))
        for _ in 0..<60 {
            server.change(Int.random(in: 0..<4, using: &generator))
            // Nonsense in a row is told; it goes on where it was.
            _ = try? await client.next()
        }
        server.isRough.set(false)
        try await client.catchUp()
        #expect(server.model.value.equals(client.copy), "seed \(seed)")
        #expect(try await client.check().differences.isEmpty)
    }
}

/// A server made of a model, on a network that does to each answer what it likes.
private final class RoughFeed: FeedTransport {
    let model = Locked(FeedModel())
    let isRough = Locked(true)
    private let generator: Locked<SeededGenerator>

    init(seed: UInt64) { generator = Locked(SeededGenerator(seed &+ 1)) }

    private func draw(_ count: Int) -> Int {
        let drawn = Locked(0)
        generator.change { generator in drawn.set(Int.random(in: 0..<count, using: &generator)) }
        return drawn.value
    }

    func change(_ times: Int) {
        generator.change { [model] generator in
            var changed = model.value
            for _ in 0..<times { changed.step(using: &generator) }
            model.set(changed)
        }
        if draw(9) == 0 { model.change { $0.prune(upTo: $0.last - 3) } }
    }

    func send(_ request: FeedRequest) async throws(FeedClientError) -> FeedResponse {
        if isRough.value, draw(6) == 0 { throw .unreachable("no network") }
        do { return try request.isStream ? stream(request) : page(request) } catch {
            throw .unexpected("\(error)")
        }
    }

    private func page(_ request: FeedRequest) throws -> FeedResponse {
        if request.path == "/v1/changes/digest" {
            return response(try Wire.encode(model.value.digest(request.query["prefix"] ?? "")))
        }
        guard case .page(let page) = model.value.answer(to: request.query["cursor"], limit: 3) else {
            return response(
                try Wire.encode(Problem(status: 410, code: .cursorExpired, title: "t")), status: 410)
        }
        return response(try Wire.encode(page))
    }

    /// Some pages, with changes between them, then an end of some kind.
    private func stream(_ request: FeedRequest) throws -> FeedResponse {
        var (text, cursor) = ("retry: 100\n\n", request.query["cursor"])
        for _ in 0...draw(3) {
            guard case .page(let page) = model.value.answer(to: cursor, limit: 2) else {
                let problem = try Wire.encode(Problem(status: 410, code: .cursorExpired, title: "t"))
                text += "event: problem\ndata: \(String(decoding: problem, as: UTF8.self))\n\n"
                return response(Data(text.utf8), type: "text/event-stream")
            }
            text += try page.event + ": heartbeat\n\n"
            cursor = page.cursor
            change(draw(3))
        }
        if draw(2) == 0 { text += "event: close\ndata: {\"reason\":\"lifetime\"}\n\n" }
        return response(Data(text.utf8), type: "text/event-stream")
    }

    private func response(_ data: Data, status: Int = 200, type: String = "application/json")
        -> FeedResponse
    {
        let isCut = isRough.value && draw(3) == 0
        let rest = Locked<[UInt8]?>(Array(isCut ? data.prefix(draw(data.count)) : data))
        let body = FeedBody(
            next: { () async throws(FeedClientError) in
                defer { rest.set(nil) }
                if rest.value == nil, isCut { throw .unreachable("reset") }
                return rest.value
            }, close: {})
        return FeedResponse(status: status, headers: ["content-type": type], body: body)
    }
}
