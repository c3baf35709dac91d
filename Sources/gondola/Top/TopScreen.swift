import Dispatch
import Foundation

/// A terminal taken over for a live view, and given back as it was: by `leave()`, whatever has happened meanwhile.
final class TopScreen {
    enum Event: Sendable { case tick, redraw, quit }

    private var before = termios()
    private let isInput = Terminal.isInput
    private var sources: [any DispatchSourceProtocol] = []
    let events: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation

    private static let endings = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    /// Asks for another drawing; from any thread.
    var redraw: @Sendable () -> Void { { [continuation] in continuation.yield(.redraw) } }

    /// Takes the other screen of the terminal, and its keys one by one.
    init(interval: TimeInterval) {
        (events, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(16))
        if isInput { takeKeys() }
        watch(interval)
        Terminal.emit("\u{1B}[?1049h\u{1B}[?25l")
    }

    private func takeKeys() {
        tcgetattr(STDIN_FILENO, &before)
        var mode = before
        mode.c_lflag &= ~tcflag_t(ICANON | ECHO)
        // Stopped by a key, the process would leave the terminal as it is.
        mode.c_cc.10 = 0  // VSUSP
        tcsetattr(STDIN_FILENO, TCSANOW, &mode)
    }

    private func watch(_ interval: TimeInterval) {
        let continuation = continuation
        func on(_ source: any DispatchSourceProtocol, _ event: @escaping @Sendable () -> Event?) {
            source.setEventHandler {
                guard let new = event() else { return }
                continuation.yield(new)
                // Nothing that comes later pushes it out.
                if new == .quit { continuation.finish() }
            }
            source.activate()
            sources.append(source)
        }
        for number in Self.endings {
            signal(number, SIG_IGN)
            on(DispatchSource.makeSignalSource(signal: number, queue: .global())) { .quit }
        }
        signal(SIGWINCH, SIG_IGN)
        on(DispatchSource.makeSignalSource(signal: SIGWINCH, queue: .global())) { .redraw }
        let timer = DispatchSource.makeTimerSource(queue: .global())
        timer.schedule(deadline: .now() + interval, repeating: interval)
        on(timer) { .tick }
        if isInput {
            on(DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO, queue: .global())) { Self.key() }
        }
    }

    /// `q` and the end of the input quit; other keys do nothing.
    private static func key() -> Event? {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        return count <= 0 || bytes.prefix(count).contains(where: { $0 == UInt8(ascii: "q") || $0 == 3 }) ? .quit : nil
    }

    /// Rows and columns now.
    static var size: (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
            return (24, 80)
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    /// Draws over what is there, without clearing first, which would flicker.
    func draw(_ lines: [String]) {
        let text = lines.map { "\($0)\u{1B}[K" }.joined(separator: "\r\n")
        Terminal.emit("\u{1B}[H" + text + "\u{1B}[J")
    }

    func leave() {
        for source in sources { source.cancel() }
        Terminal.emit("\u{1B}[?25h\u{1B}[?1049l")
        if isInput { tcsetattr(STDIN_FILENO, TCSANOW, &before) }
        // Whatever still has to end can be ended.
        for number in Self.endings { signal(number, SIG_DFL) }
    }
}
