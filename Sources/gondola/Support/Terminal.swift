import Foundation

/// What this process is attached to.
enum Terminal {
    static var isOutput: Bool { isatty(STDOUT_FILENO) == 1 }
    static var isError: Bool { isatty(STDERR_FILENO) == 1 }
    static var isInput: Bool { isatty(STDIN_FILENO) == 1 }

    /// Whether lines may be drawn over; `TERM=dumb` cannot.
    static var canRedraw: Bool { isOutput && ProcessInfo.processInfo.environment["TERM"] != "dumb" }

    /// Lines of the terminal; nil where the output goes elsewhere.
    static var height: Int? {
        guard isOutput else { return nil }
        var size = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 { return Int(size.ws_row) }
        return ProcessInfo.processInfo.environment["LINES"].flatMap { Int($0) } ?? 24
    }

    /// Columns of the terminal; nil where the output goes elsewhere and nothing has to be cut.
    static var width: Int? {
        guard isOutput else { return nil }
        var size = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) } ?? 80
    }

    /// Writes a line to standard output at once, also when that is a pipe.
    static func say(_ line: String) { emit(line + "\n") }

    static func emit(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Writes a line to standard error.
    static func complain(_ line: String) { write(line + "\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to file: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
