import Foundation
public import Logging
import Synchronization

/// Writes events to standard error, one line each.
struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    let format: Configuration.LogFormat
    /// Takes whole lines, from any thread.
    let write: @Sendable (String) -> Void
    let now: @Sendable () -> Date

    init(
        level: Logger.Level, format: Configuration.LogFormat,
        write: @escaping @Sendable (String) -> Void = StandardError.write,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        logLevel = level
        self.format = format
        self.write = write
        self.now = now
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(
        level: Logger.Level, message: Logger.Message, metadata explicit: Logger.Metadata?, source: String, file: String,
        function: String, line: UInt
    ) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        all.merge(LogContext.metadata) { own, _ in own }
        if let explicit { all.merge(explicit) { $1 } }
        let event = LogLine(time: now(), level: level, message: message.description, metadata: all)
        write(format == .json ? event.json : event.text)
    }
}

extension Logger {
    /// A logger that writes to standard error, in the form and from the level on that the settings say.
    public static func standardError(_ configuration: Configuration) -> Logger {
        let level = Logger.Level(rawValue: configuration.logLevel.rawValue) ?? .info
        return Logger(label: "gondola") { _ in LineLogHandler(level: level, format: configuration.logFormat) }
    }
}

/// Whole lines on standard error, one after the other.
enum StandardError {
    private static let lock = Mutex(())

    /// What cannot be written is lost: there is no place left to complain.
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        lock.withLock { _ in
            var start = 0
            while start < bytes.count {
                let count = bytes.withUnsafeBytes { Foundation.write(2, $0.baseAddress! + start, bytes.count - start) }
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return }
                start += count
            }
        }
    }
}
