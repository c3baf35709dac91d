/// A bar of text: `█████▌······`
enum ProgressBar {
    private static let eighths = Array(" ▏▎▍▌▋▊▉█")

    static func text(_ fraction: Double, width: Int) -> String {
        let filled = Int((min(max(fraction, 0), 1) * Double(width) * 8).rounded(.down))
        let whole = String(repeating: "█", count: filled / 8)
        let part = filled % 8 == 0 ? "" : String(eighths[filled % 8])
        return whole + part + String(repeating: "·", count: width - filled / 8 - (part.isEmpty ? 0 : 1))
    }
}
