import FeedSync
import Foundation
import SyncService
import Synchronization
import VideoModels

/// Shows the board while the feed moves it.
final class DemoScreen: Sendable {
    private let board: Mutex<DemoBoard>
    private let isLive = Terminal.canRedraw

    private init(_ board: DemoBoard) { self.board = Mutex(board) }

    /// Follows the feed until every job stands still: bars on a terminal, a line a change elsewhere.
    static func follow(_ board: DemoBoard, with follower: inout Demo.Follower) async throws -> [DemoBoard.Row] {
        let screen = DemoScreen(board)
        let drawing = Task { await screen.draw() }
        do {
            try await screen.follow(&follower)
        } catch {
            drawing.cancel()
            await drawing.value
            throw error
        }
        drawing.cancel()
        await drawing.value
        return screen.board.withLock { $0.rows }
    }

    private func follow(_ follower: inout Demo.Follower) async throws {
        take(follower.copy)
        while !board.withLock({ $0.isSettled }) {
            _ = try await follower.next(notice: report)
            take(follower.copy)
        }
    }

    private func take(_ copy: MemoryChangeStore) {
        let lines = board.withLock { board in
            board.note = nil
            return board.update(from: copy)
        }
        if !isLive { for line in lines { Terminal.say(line) } }
    }

    private func report(_ notice: FeedNotice) {
        guard let words = FeedNoticeText.line(for: notice) else { return }
        if isLive { board.withLock { $0.note = words } } else { Terminal.complain("gondola: \(words)") }
    }

    /// Draws eight times a second until cancelled, and the end once more.
    private func draw() async {
        guard isLive else { return }
        var live = LiveLines()
        var isLast = false
        while true {
            let lines = board.withLock { $0.lines(width: Terminal.width ?? 80, at: Date()) }
            Terminal.emit(live.redraw(lines))
            if isLast { return }
            do { try await Task.sleep(for: .milliseconds(125)) } catch { isLast = true }
        }
    }
}
