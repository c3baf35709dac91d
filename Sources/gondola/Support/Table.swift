import Foundation
import SyncService
import VideoModels

/// Rows under headings, cut to fit a width.
struct Table {
    struct Column {
        var title: String
        var isRight = false
        /// Whether it may be cut when room is short.
        var shrinks = false
        /// Whether it may go when cutting is not enough.
        var isExtra = false
        /// Whether its words have colours, where colours are wanted.
        var isTinted = false

        static func left(_ title: String) -> Column { Column(title: title) }
        static func right(_ title: String) -> Column { Column(title: title, isRight: true) }
        static func shrinking(_ title: String) -> Column { Column(title: title, shrinks: true) }

        var extra: Column {
            var copy = self
            copy.isExtra = true
            return copy
        }

        var tinted: Column {
            var copy = self
            copy.isTinted = true
            return copy
        }
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
    func lines(width: Int?, isColoured: Bool = false) -> [String] {
        let shown = columnsThatFit(width)
        let widths = fitted(shown, to: width)
        return ([columns.map(\.title)] + rows).map { row in
            let cells = zip(shown, widths).map { index, width in
                TextWidth.pad(TextWidth.cut(row[index], to: width), to: width, right: columns[index].isRight)
            }
            let line = Self.trimmed(cells.joined(separator: Self.gap))
            if let width, TextWidth.columns(of: line) > width { return TextWidth.cut(line, to: width) }
            guard isColoured else { return line }
            return Self.trimmed(zip(shown, cells).map { tinted($1, in: columns[$0]) }.joined(separator: Self.gap))
        }
    }

    private static func trimmed(_ line: String) -> String { String(line.reversed().drop { $0 == " " }.reversed()) }

    /// Only the word, so that spaces at a line's end can still be taken off.
    private func tinted(_ cell: String, in column: Column) -> String {
        guard column.isTinted else { return cell }
        let word = cell.trimmingCharacters(in: .whitespaces)
        guard let tint = Tint(word) else { return cell }
        return cell.replacing(word, with: tint.paint(word), maxReplacements: 1)
    }

    private static let gap = "  "

    private func naturalWidth(_ index: Int) -> Int {
        rows.reduce(TextWidth.columns(of: columns[index].title)) { max($0, TextWidth.columns(of: $1[index])) }
    }

    /// All columns, without the last extra ones where not even cutting makes room for them.
    private func columnsThatFit(_ width: Int?) -> [Int] {
        var shown = Array(columns.indices)
        guard let width else { return shown }
        func least(_ index: Int) -> Int {
            columns[index].shrinks ? min(naturalWidth(index), Self.narrowest) : naturalWidth(index)
        }
        while shown.map(least).reduce(Self.gap.count * (shown.count - 1), +) > width,
            let extra = shown.lastIndex(where: { columns[$0].isExtra })
        {
            shown.remove(at: extra)
        }
        return shown
    }

    private func fitted(_ shown: [Int], to width: Int?) -> [Int] {
        var widths = shown.map(naturalWidth)
        guard let width else { return widths }
        let shrinking = shown.indices.filter { columns[shown[$0]].shrinks }
        while widths.reduce(Self.gap.count * (widths.count - 1), +) > width {
            guard let widest = shrinking.max(by: { widths[$0] < widths[$1] }), widths[widest] > Self.narrowest else {
                break
            }
            widths[widest] -= 1
        }
        return widths
    }

    func show() {
        for line in lines(width: Terminal.width, isColoured: Tint.isWanted()) { Terminal.say(line) }
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
