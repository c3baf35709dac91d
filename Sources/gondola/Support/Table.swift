import SyncService
import VideoModels

/// Rows under headings, cut to fit a width.
struct Table {
    struct Column {
        var title: String
        var isRight = false
        /// Whether it may be cut when room is short.
        var shrinks = false

        static func left(_ title: String) -> Column { Column(title: title) }
        static func right(_ title: String) -> Column { Column(title: title, isRight: true) }
        static func shrinking(_ title: String) -> Column { Column(title: title, shrinks: true) }
    }

    var columns: [Column]
    var rows: [[String]] = []

    init(_ columns: [Column], rows: [[String]] = []) {
        self.columns = columns
        self.rows = rows.map { $0.map(TextWidth.visible) }
    }

    /// No column gets narrower than this by cutting.
    private static let narrowest = 8

    /// The heading and the rows; nil for `width` cuts nothing.
    func lines(width: Int?) -> [String] {
        let widths = fitted(to: width)
        return ([columns.map(\.title)] + rows).map { row in
            let cells = zip(zip(row, columns), widths).map { cell, width in
                TextWidth.pad(TextWidth.cut(cell.0, to: width), to: width, right: cell.1.isRight)
            }
            let line = cells.joined(separator: "  ")
            let trimmed = String(line.reversed().drop { $0 == " " }.reversed())
            return width.map { TextWidth.cut(trimmed, to: $0) } ?? trimmed
        }
    }

    private func fitted(to width: Int?) -> [Int] {
        var widths = columns.indices.map { index in
            ([columns[index].title] + rows.map { $0[index] }).map { TextWidth.columns(of: $0) }.max() ?? 0
        }
        guard let width else { return widths }
        let shrinking = columns.indices.filter { columns[$0].shrinks }
        while widths.reduce(2 * (widths.count - 1), +) > width {
            guard let widest = shrinking.max(by: { widths[$0] < widths[$1] }), widths[widest] > Self.narrowest else {
                break
            }
            widths[widest] -= 1
        }
        return widths
    }

    func show() {
        for line in lines(width: Terminal.width) { Terminal.say(line) }
    }
}

/// What is wrong with a request, one line a finding.
enum FindingTable {
    static func text(_ findings: [Finding], width: Int? = Terminal.width) -> String {
        let rows = findings.map { finding in
            [finding.field, finding.code.word, finding.given ?? "", told(finding)]
        }
        return Table([.left("FIELD"), .left("CODE"), .shrinking("GIVEN"), .shrinking("WHAT IS WRONG")], rows: rows)
            .lines(width: width).joined(separator: "\n")
    }

    private static func told(_ finding: Finding) -> String {
        guard let allowed = finding.allowed, !allowed.isEmpty else { return finding.message }
        return "\(finding.message): \(allowed.joined(separator: ", "))"
    }
}
