import Foundation
import Synchronization

/// The JSON lines of a process, kept; whoever waits for one is woken by it.
final class LogLines: Sendable {
    private struct State {
        var partial: [UInt8] = []
        var lines: [[String: String]] = []
        var isClosed = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    struct Ended: Error, CustomStringConvertible { var description: String }

    private let state = Mutex(State())

    /// The process has ended: nothing more is waited for. The pipe's end alone says less, since it may come before or after.
    func close() { take(Data(), isLast: true) }

    func take(_ data: Data, isLast: Bool = false) {
        let waiters = state.withLock { state in
            state.isClosed = state.isClosed || isLast
            state.partial += data
            while let end = state.partial.firstIndex(of: UInt8(ascii: "\n")) {
                state.lines.append(Self.fields(Data(state.partial[..<end])))
                state.partial.removeFirst(end + 1)
            }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// A line's fields as text, those of its metadata among them.
    private static func fields(_ line: Data) -> [String: String] {
        guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else {
            return ["message": String(decoding: line, as: UTF8.self)]
        }
        var fields = object.mapValues { "\($0)" }
        for (key, value) in object["metadata"] as? [String: Any] ?? [:] { fields[key] = "\(value)" }
        return fields
    }

    /// The first line, past or to come, that fits. Throws if the process ends without it.
    func first(where fits: @Sendable ([String: String]) -> Bool) async throws -> [String: String] {
        while true {
            let (found, isClosed, all) = state.withLock { ($0.lines.first(where: fits), $0.isClosed, $0.lines) }
            if let found { return found }
            if isClosed {
                throw Ended(description: "gondola ended:\n" + all.suffix(20).map { "\($0)" }.joined(separator: "\n"))
            }
            await more(after: all.count)
        }
    }

    var all: [[String: String]] { state.withLock { $0.lines } }

    var tail: String { state.withLock { $0.lines.suffix(30).map { "\($0)" }.joined(separator: "\n") } }

    func waitUntilClosed() async {
        while !state.withLock({ $0.isClosed }) { await more(after: state.withLock { $0.lines.count }) }
    }

    /// Returns once there are more lines than that, or there will be no more.
    func more(after count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.lines.count > count || state.isClosed { return true }
                state.waiters.append(continuation)
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}
