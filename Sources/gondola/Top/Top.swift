import ArgumentParser
import Foundation
import JobStore
import SyncService
import Synchronization

struct Top: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Watch a deployment at work.",
        discussion: """
            gondola top

            Jobs by state, what was done in the last minute, how soon finished videos are found, the upstream's limits, \
            processes with their leases, the slowest jobs, and what is spent. q or Ctrl-C quits. Asks the database alone, \
            so it works from anywhere. Where the output is no terminal, and with --once, it prints one picture.
            """)

    @Flag(help: "Print one picture and end.") var once = false
    @Option(help: ArgumentHelp("Between two looks.", valueName: "seconds")) var interval = 2.0
    @OptionGroup var settings: SettingFlags
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (0.1...3600).contains(interval) else {
            throw ValidationError("--interval must be from 0.1 to 3600 seconds")
        }
    }

    func run() async throws {
        let configuration = try settings.resolve()
        if !output.isJSON, !once, Terminal.canRedraw { return try await watch(configuration) }
        let report = try await configuration.withStore { try await configuration.topReport(from: $0) }
        if output.isJSON { return try OutputOptions.json(report) }
        let frame = TopFrame(report: report, colours: Tint.isWanted())
        for line in frame.lines(rows: nil, columns: Terminal.width) { Terminal.say(line) }
    }

    private func watch(_ configuration: Configuration) async throws {
        let store = configuration.operatorStore()
        // Without a parent: whoever quits does not wait for a look that the database does not answer.
        defer { Task { await store.close() } }
        await watch(try await configuration.topReport(from: store), configuration, store)
    }

    /// Until somebody quits. A database that goes away is told of, and waited for.
    private func watch(_ first: TopReport, _ configuration: Configuration, _ store: PostgresStore) async {
        var frame = TopFrame(report: first, isLive: true, colours: Tint.isWanted())
        let screen = TopScreen(interval: interval)
        defer { screen.leave() }
        let looks = Looks(configuration: configuration, store: store, isDone: screen.redraw)
        func draw() {
            let (rows, columns) = TopScreen.size
            screen.draw(frame.lines(rows: rows, columns: columns))
        }
        draw()
        for await event in screen.events {
            switch event {
            case .quit: return
            case .tick: looks.begin()
            case .redraw:
                looks.bring(to: &frame)
                draw()
            }
        }
    }
}

/// Looks at the database beside the drawing, one at a time, so that a key is heard while one takes long.
private final class Looks: Sendable {
    private struct State {
        var latest: Result<TopReport, any Error>?
        var isLooking = false
    }

    private let configuration: Configuration
    private let store: PostgresStore
    private let isDone: @Sendable () -> Void
    private let state = Mutex(State())

    init(configuration: Configuration, store: PostgresStore, isDone: @escaping @Sendable () -> Void) {
        (self.configuration, self.store, self.isDone) = (configuration, store, isDone)
    }

    func begin() {
        let isFree = state.withLock { state in
            defer { state.isLooking = true }
            return !state.isLooking
        }
        guard isFree else { return }
        // Without a parent: whoever quits does not wait for it.
        Task {
            let latest: Result<TopReport, any Error>
            do { latest = .success(try await configuration.topReport(from: store)) } catch { latest = .failure(error) }
            state.withLock { $0 = State(latest: latest) }
            isDone()
        }
    }

    func bring(to frame: inout TopFrame) {
        switch state.withLock({ $0.latest }) {
        case .success(let report): (frame.report, frame.trouble) = (report, nil)
        case .failure(let error): frame.trouble = "\(error)"
        case nil: break
        }
    }
}
