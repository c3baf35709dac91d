import Foundation

/// What a word says of the thing that it stands beside, as a colour.
enum Tint: String {
    case good = "32"
    case bad = "31"
    case notable = "33"

    init?(_ word: String) {
        switch word {
        case "ready", "usable", "closed", "applied", "yes", "live", "refunded": self = .good
        case "failed", "refused", "unreachable", "overdue", "missing", "corrupt", "gone", "kept": self = .bad
        case "attention", "resting", "probing", "paused", "suspended", "pending", "erasing", "draining": self = .notable
        default: return nil
        }
    }

    func paint(_ text: String) -> String { "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" }

    /// Colours are for terminals, and for people who want them: https://no-color.org.
    static func isWanted(
        _ environment: [String: String] = ProcessInfo.processInfo.environment, onTerminal: Bool = Terminal.canRedraw
    ) -> Bool {
        onTerminal && (environment["NO_COLOR"] ?? "").isEmpty
    }
}
