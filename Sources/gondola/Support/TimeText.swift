import Foundation
import VideoModels

/// Times as people read them.
enum TimeText {
    /// `12 s`, `5 min`, `3 h`, `2 d`
    static func length(_ seconds: TimeInterval) -> String {
        let seconds = max(0, seconds)
        return switch seconds {
        case ..<10: String(format: "%.1f s", seconds)
        case ..<120: "\(Int(seconds)) s"
        case ..<7200: "\(Int(seconds / 60)) min"
        case ..<172_800: "\(Int(seconds / 3600)) h"
        default: "\(Int(seconds / 86400)) d"
        }
    }

    /// `2026-11-21 09:30:00Z`
    static func time(_ date: Date) -> String {
        String(Wire.text(of: date).prefix(19)).replacing("T", with: " ") + "Z"
    }

    static func clock(_ date: Date) -> String { String(Wire.text(of: date).dropFirst(11).prefix(12)) + "Z" }

}
