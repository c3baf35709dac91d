import FeedSync
import Foundation
import TestSupport
import Testing
import VideoModels

/// `gondola feed` as a process, against a server on a socket that a model of the feed stands behind.
@Suite(.timeLimit(.minutes(10))) struct FeedCommandTests {
    @Test func `tail prints what there is, then what the stream brings, and at the end where to go on`() async throws {
        let server = try ModelServer(objects: 3)
        let tail = try Command(["feed", "tail", "--json", "--kind", "job"], server)
        try await tail.waitForLines(3)
        server.change { $0.write(.unknown(kind: "album", id: "a")) }
        server.change { $0.delete(Change.ObjectKey(kind: .known(.job), id: "\(JobID.sample(2))")) }
        let lines = try await tail.waitForLines(4)
        let changes = try lines.map { try Wire.decode(Change.self, from: Data($0.utf8)) }
        #expect(changes.map(\.sequence) == [3, 2, 1, 5])
        #expect(changes.last?.object == .deleted(kind: .known(.job), id: "\(JobID.sample(2))"))
        tail.interrupt()
        let ended = await tail.ended()
        #expect(ended.status == 0)
        #expect(ended.errors == "gondola: go on with --since 1c5\n")

        let next = try Command(["feed", "tail", "--since", "1c5"], server)
        server.change { $0.write(.unknown(kind: "album", id: "b")) }
        let line = try await next.waitForLines(1)[0]
        #expect(line == "6  album b  of a kind that this version does not know")
        next.interrupt()
        #expect(await next.ended().status == 0)
    }

    @Test func `tail says on standard error what happens to the connection`() async throws {
        let server = try ModelServer(objects: 1)
        server.refuseStreams(2)
        let tail = try Command(["feed", "tail"], server)
        try await tail.waitForLines(1)
        server.change { $0.write(.unknown(kind: "album", id: "b")) }
        try await tail.waitForLines(2)
        server.restore()
        server.change { $0.write(.unknown(kind: "album", id: "c")) }
        try await tail.waitForLines(4)
        tail.interrupt()
        let errors = await tail.ended().errors
        #expect(errors.contains("[unavailable]"))
        #expect(errors.contains("Trying again in"))
        #expect(errors.contains("the server ended the stream (draining); connecting again"))
        #expect(errors.contains("the cursor has expired; starting over with a snapshot"))
    }

    @Test func `a cursor that is none ends tail with what to do`() async throws {
        let server = try ModelServer(objects: 1)
        let tail = try Command(["feed", "tail", "--since", "nonsense"], server)
        let ended = await tail.ended()
        #expect(ended.status == 65 && ended.errors.contains("[cursor_malformed]"))
        let empty = try Command(["feed", "tail", "--since", ""], server)
        #expect(await empty.ended().status == 64)
    }

    @Test func `digest proves a fresh copy, or names what differs and fails`() async throws {
        let server = try ModelServer(objects: 300)
        let good = await (try Command(["feed", "digest"], server)).ended()
        #expect(good.status == 0 && good.output.contains("300"))
        let json = await (try Command(["feed", "digest", "--json"], server)).ended()
        let proof = try Wire.decode(FeedProof.self, from: Data(json.output.utf8))
        #expect(proof.count == 300 && proof.sequence == 300 && proof.differences.isEmpty)

        server.hide(.sample(7))
        let bad = await (try Command(["feed", "digest"], server)).ended()
        #expect(bad.status == 1)
        #expect(bad.output.contains("\(JobID.sample(7))") && bad.output.contains("missing"))
        #expect(bad.errors.contains("differ in 1 of 300 objects"))
    }

    @Test func `a token that is refused has its own status`() async throws {
        let server = try ModelServer(objects: 1)
        for command in ["tail", "digest"] {
            let ended = await (try Command(["feed", command], server, token: "wrong")).ended()
            #expect(ended.status == 77 && ended.errors.contains("[unauthenticated]"))
        }
    }
}

/// The command, its lines as they come, and its end.
private final class Command: Sendable {
    private struct State {
        var output: [UInt8] = []
        var isOver = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let process = Process()
    private let state = Locked(State())
    private let folder: URL

    /// What a command prints that ends by itself goes to a file: of a pipe nobody knows when all of it has come.
    init(_ arguments: [String], _ server: ModelServer, token: String = "token") throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "gondola-feed-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let files = ["errors", "output"].map { folder.appending(path: $0).path }
        for file in files { _ = FileManager.default.createFile(atPath: file, contents: nil) }
        let products = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
        process.executableURL = (products?.deletingLastPathComponent() ?? Bundle.main.bundleURL).appending(
            path: "gondola")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["GONDOLA_SERVER": server.address, "GONDOLA_TOKEN": token]
        ) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: files[0])
        let pipe = Pipe()
        process.standardOutput = arguments.contains("tail") ? pipe : FileHandle(forWritingAtPath: files[1])
        let reader = PipeReader(pipe.fileHandleForReading) { [state] data in Self.note(state) { $0.output += data } }
        process.terminationHandler = { [state] _ in
            reader.drain()
            Self.note(state) { $0.isOver = true }
        }
        try process.run()
        try? pipe.fileHandleForWriting.close()
    }

    private static func note(_ state: Locked<State>, _ body: @Sendable (inout State) -> Void) {
        let waiters = Locked<[CheckedContinuation<Void, Never>]>([])
        state.change { state in
            body(&state)
            let waiting = state.waiters
            waiters.set(waiting)
            state.waiters = []
        }
        for waiter in waiters.value { waiter.resume() }
    }

    struct Ended: Error {}

    /// Returns once it has printed so many lines; throws if it ends before.
    @discardableResult
    func waitForLines(_ count: Int) async throws -> [String] {
        while true {
            let now = state.value
            let lines = String(decoding: now.output, as: UTF8.self).split(separator: "\n").map(String.init)
            if lines.count >= count { return lines }
            if now.isOver { throw Ended() }
            await news(after: now.output.count)
        }
    }

    private func news(after count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = Locked(false)
            state.change { state in
                if state.isOver || state.output.count > count {
                    isThere.set(true)
                } else {
                    state.waiters.append(continuation)
                }
            }
            if isThere.value { continuation.resume() }
        }
    }

    func interrupt() { kill(process.processIdentifier, SIGINT) }

    func ended() async -> (status: Int32, output: String, errors: String) {
        while !state.value.isOver { await news(after: state.value.output.count) }
        let texts = ["output", "errors"].map { name in
            (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)) ?? ""
        }
        try? FileManager.default.removeItem(at: folder)
        return (process.terminationStatus, texts[0], texts[1])
    }
}

/// The feed's routes on a socket: pages, a stream that sends what changes, digests.
private final class ModelServer: Sendable {
    private struct State {
        var model = FeedModel()
        var backup = FeedModel()
        var hidden: JobID?
        /// So many streams are refused, the first with a problem and the others by an end in order.
        var refusals = 0
        var changed = Signal()
    }

    private let state = Locked(State())
    private let server: SocketServer

    init(objects: Int) throws {
        state.change { state in
            for number in 0..<objects {
                var job = Job.sample
                job.id = .sample(UInt64(number + 1))
                state.model.write(.job(job))
            }
            state.backup = state.model
        }
        server = try SocketServer { [state] connection, _ in
            let head = connection.receiveRequest().head
            try? Self.answer(head, on: connection, state)
        }
    }

    deinit { server.stop() }

    var address: String { "http://\(server.authority)" }

    func change(_ body: @escaping @Sendable (inout FeedModel) -> Void) {
        wake { body(&$0.model) }
    }

    func hide(_ job: JobID) { state.change { $0.hidden = job } }
    func refuseStreams(_ count: Int) { state.change { $0.refusals = count } }
    func restore() { wake { $0.model.restore($0.backup) } }

    private func wake(_ body: @escaping @Sendable (inout State) -> Void) {
        let before = Locked(Signal())
        state.change { state in
            body(&state)
            before.set(state.changed)
            state.changed = Signal()
        }
        before.value.fire()
    }

    private static func answer(
        _ head: String, on connection: SocketServer.Connection, _ state: Locked<State>
    ) throws {
        let target = head.split(separator: " ").dropFirst().first.map(String.init) ?? ""
        let items = URLComponents(string: target)?.queryItems ?? []
        let query = Dictionary(items.map { ($0.name, $0.value ?? "") }) { $1 }
        guard (head + "\r\n").lowercased().contains("authorization: bearer token\r\n") else {
            return try send(Problem(status: 401, code: .unauthenticated, title: "Who are you"), 401, connection)
        }
        if target.hasPrefix("/v1/changes/digest") {
            let now = state.value
            let entries = now.model.living.map { DigestPage.Entry($0) }.filter { $0.id != now.hidden?.description }
            return try send(FeedModel.digest(of: entries, query["prefix"] ?? "", at: now.model.last), 200, connection)
        }
        if let cursor = query["cursor"], cursor.first?.isNumber != true {
            return try send(Problem(status: 400, code: .cursorMalformed, title: "No cursor"), 400, connection)
        }
        if head.lowercased().contains("accept: text/event-stream") {
            return try stream(query["cursor"], connection, state)
        }
        try send(state.value.model.answer(to: query["cursor"], limit: 100), connection)
    }

    private static func stream(
        _ start: String?, _ connection: SocketServer.Connection, _ state: Locked<State>
    ) throws {
        let refusals = state.value.refusals
        state.change { $0.refusals = max(0, refusals - 1) }
        if refusals == 2 {
            return try send(Problem(status: 503, code: .unavailable, title: "Not now"), 503, connection)
        }
        connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: hello\n\n")
        if refusals == 1 {
            connection.send("event: close\nid: \(start ?? "")\ndata: {\"reason\":\"draining\"}\n\n")
            return
        }
        var cursor = start
        while true {
            let now = state.value
            switch now.model.answer(to: cursor, limit: 100) {
            case .expired:
                let problem = Problem(status: 410, code: .cursorExpired, title: "Expired")
                let text = String(decoding: try Wire.encode(problem), as: UTF8.self)
                connection.send("event: problem\ndata: \(text)\n\n")
                return
            case .page(let page):
                if page.changes.isEmpty {
                    now.changed.block()
                    // For the stream of a command that is gone, and waits here as well.
                    now.changed.fire()
                } else {
                    let text = String(decoding: try Wire.encode(page), as: UTF8.self)
                    guard connection.send("event: page\nid: \(page.cursor)\ndata: \(text)\n\n") else { return }
                }
                cursor = page.cursor
            }
        }
    }

    private static func send(_ answer: FeedModel.Answer, _ connection: SocketServer.Connection) throws {
        switch answer {
        case .page(let page): try send(page, 200, connection)
        case .expired: try send(Problem(status: 410, code: .cursorExpired, title: "Expired"), 410, connection)
        }
    }

    private static func send(_ value: some Encodable, _ status: Int, _ connection: SocketServer.Connection) throws {
        let text = String(decoding: try Wire.encode(value), as: UTF8.self)
        connection.send(
            "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n"
                + "Connection: close\r\n\r\n\(text)")
    }
}
