/// Lines at the bottom of a terminal that are drawn over and over.
struct LiveLines {
    private var drawn = 0

    /// What to write so that these lines stand where the last ones did. No line may be wider than the terminal.
    mutating func redraw(_ lines: [String]) -> String {
        let up = drawn > 0 ? "\u{1B}[\(drawn)A" : ""
        defer { drawn = lines.count }
        // What stood below, where there were more.
        let rest = lines.count < drawn ? "\u{1B}[0J" : ""
        return up + lines.map { "\r\u{1B}[2K\($0)\n" }.joined() + rest
    }
}
