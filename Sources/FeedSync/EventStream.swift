import Foundation
import VideoModels

/// An open stream of the feed, a page or another event at a time.
struct EventStream: Sendable {
    enum Step: Sendable {
        case page(ChangePage, askedWith: String?)
        /// The server ends the stream in order; the reason is its word for it.
        case close(reason: String)
        /// How long to wait at first when the stream breaks.
        case pause(Duration)
    }

    private let body: FeedBody
    private let clock: any Clock<Duration>
    /// The longest silence: what is quieter is dead, whatever TCP says.
    private let silence: Duration
    private var parser = ServerEventParser()
    private var events: ArraySlice<ServerEvent> = []
    /// The cursor to which the next page is the answer.
    private var cursor: String?
    /// When it was asked for, by the client's time.
    let began: Duration
    /// It has told of changes, or lasted to a heartbeat: streams come through.
    private(set) var isProven = false
    private var hasSpoken = false
    private var isSilent = false

    /// It told nothing at all, or nothing that comes by itself; of one that a network broke early that is not known.
    var isMute: Bool { !isProven && (isSilent || !hasSpoken) }

    init(
        _ body: FeedBody, after cursor: String?, began: Duration, silence: Duration, clock: any Clock<Duration>
    ) {
        (self.body, self.cursor, self.began, self.silence, self.clock) = (body, cursor, began, silence, clock)
    }

    func close() { body.close() }

    /// The next step; heartbeats are passed over.
    mutating func next() async throws -> Step {
        while true {
            while let event = events.popFirst() {
                if let step = try step(for: event) { return step }
            }
            guard let bytes = try await chunk() else {
                throw FeedClientError.unreachable("the stream ended without a word")
            }
            do { events = try parser.append(bytes)[...] } catch {
                throw FeedClientError.unexpected("an event of the stream has no end")
            }
        }
    }

    private mutating func step(for event: ServerEvent) throws -> Step? {
        hasSpoken = true
        switch event {
        case .comment:
            isProven = true
            return nil
        case .retry(let milliseconds): return .pause(.milliseconds(min(max(milliseconds, 100), 60_000)))
        case .message("page", let data, _):
            let page = try FeedAnswer.decode(ChangePage.self, from: Array(data.utf8))
            defer { cursor = page.cursor }
            // A server may begin with an empty page, and end right behind it.
            if !page.changes.isEmpty { isProven = true }
            return .page(page, askedWith: cursor)
        case .message("close", let data, _):
            struct Close: Decodable { var reason: String }
            return .close(reason: try FeedAnswer.decode(Close.self, from: Array(data.utf8)).reason)
        case .message("problem", let data, _):
            throw FeedClientError.problem(
                try FeedAnswer.decode(Problem.self, from: Array(data.utf8)), retryAfter: nil)
        // An event that came later than this build.
        case .message: return nil
        }
    }

    /// The next bytes, unless it is silent for too long before they come.
    private mutating func chunk() async throws -> [UInt8]? {
        let bytes = try await unlessSilent(
            for: silence, on: clock, { [body] in try await body.next() },
            // A reader that does not hear of its cancellation hears the end.
            orElse: { [body] in body.close() })
        guard let bytes else {
            isSilent = true
            throw FeedClientError.unreachable("the stream has been silent for \(silence)")
        }
        return bytes
    }
}

/// What `work` brings; nil where that takes longer than `silence`. `work` is cancelled then.
///
/// - Parameter abandon: Called as soon as it is known that nothing will come of the work.
func unlessSilent<Value: Sendable>(
    for silence: Duration, on clock: any Clock<Duration>, _ work: @escaping @Sendable () async throws -> Value,
    orElse abandon: @escaping @Sendable () -> Void = {}
) async throws -> Value? {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { .some(try await work()) }
        group.addTask {
            try await clock.sleep(for: silence)
            return nil
        }
        defer { group.cancelAll() }
        do {
            if let value = try await group.next() ?? nil { return value }
        } catch {
            abandon()
            throw error
        }
        abandon()
        return nil
    }
}

/// The answers of the feed's routes as values.
enum FeedAnswer {
    /// A page of 500 changes with long prompts stays below.
    static let limit = 32 << 20

    static func decode<Answer: Decodable>(_ type: Answer.Type, from bytes: [UInt8]) throws(FeedClientError) -> Answer {
        do { return try Wire.decode(type, from: Data(bytes)) } catch {
            throw .unexpected("the answer is not what this version expects: \(words(for: error))")
        }
    }

    /// Reads an answer of 200, or throws the problem that another one tells.
    static func read<Answer: Decodable>(
        _ type: Answer.Type, from response: FeedResponse
    ) async throws(FeedClientError) -> Answer {
        guard response.status == 200 else { throw await problem(response) }
        return try decode(type, from: try await response.body.collect(upTo: limit))
    }

    /// Why an answer is not one of 200.
    static func problem(_ response: FeedResponse) async -> FeedClientError {
        do { return problem(response, try await response.body.collect(upTo: limit)) } catch { return error }
    }

    private static func problem(_ response: FeedResponse, _ bytes: [UInt8]) -> FeedClientError {
        let seconds = response.headers["retry-after"].flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil }
        if let problem = try? Wire.decode(Problem.self, from: Data(bytes)) {
            return .problem(problem, retryAfter: seconds.map { .seconds(min(max($0, 0), 86_400)) })
        }
        // A proxy in front of a server that is away says so in its own words.
        let what = "status \(response.status) without a problem that gondola would write"
        return response.status >= 500 ? .unreachable(what) : .unexpected(what)
    }

    private static func words(for error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "\(key.stringValue) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            context.codingPath.map(\.stringValue).joined(separator: ".") + ": " + context.debugDescription
        default: "not readable"
        }
    }
}
