import Failpoints
import Foundation
import Testing

/// The table of this folder's README.
struct CrashReport {
    private let rows: [CrashMatrix.Row]
    private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "README.md")
    private static let head = "| Step | Way | Runs | Charges | Violations |"

    init(_ rows: [CrashMatrix.Row]) { self.rows = rows }

    /// Writes it with `UPDATE_DOCS=1`; else checks that the table there names the same steps.
    func keep() throws {
        let text = try String(contentsOf: Self.file, encoding: .utf8)
        let before = text.components(separatedBy: Self.head)[0]
        if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1" {
            try Data((before + table).utf8).write(to: Self.file)
        } else {
            let written = Set(
                text.split(separator: "\n").filter { $0.hasPrefix("| `") }.compactMap {
                    $0.split(separator: "`").dropFirst().first.map(String.init)
                })
            #expect(
                written.isSuperset(of: Failpoint.ofJobs.map { "\($0)" }),
                "the table in Tests/CrashTests/README.md is of other steps; UPDATE_DOCS=1 writes it anew")
        }
    }

    private var table: String {
        var lines = [Self.head, "|---|---|---|---|---|"]
        let byPoint = Dictionary(grouping: rows, by: \.point)
        for point in byPoint.keys.sorted() {
            let runs = byPoint[point] ?? []
            let reached = runs.filter(\.outcome.isReached)
            let ways = runs.map(\.scenario.name).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
            lines.append(
                "| `\(point)` | \(ways.joined(separator: ", ")) | \(reached.count) "
                    + "| \(reached.reduce(0) { $0 + $1.outcome.charges }) "
                    + "| \(runs.reduce(0) { $0 + $1.outcome.violations.count }) |")
        }
        let reached = rows.filter(\.outcome.isReached)
        lines.append(
            "| all | | \(reached.count) | \(reached.reduce(0) { $0 + $1.outcome.charges }) "
                + "| \(rows.reduce(0) { $0 + $1.outcome.violations.count }) |")
        return lines.joined(separator: "\n") + "\n"
    }
}
