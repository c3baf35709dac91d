import Foundation
import Testing

@testable import VeniceTransport

/// `docs/venice.md` says what the code does: its table of statuses is the data, and every test that it names is there.
struct VeniceDocsTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
    private static let file = root.appending(path: "docs/venice.md")

    @Test func `the table of statuses is the one that decides`() throws {
        let text = try String(contentsOf: Self.file, encoding: .utf8)
        let beginning = "<!-- statuses: written by VeniceDocsTests with UPDATE_DOCS=1 -->\n"
        let start = try #require(text.firstRange(of: beginning)).upperBound
        let end = try #require(text.firstRange(of: "<!-- statuses: end -->")).lowerBound
        if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1" {
            let updated = text[..<start] + Self.table + text[end...]
            try Data(updated.utf8).write(to: Self.file)
            return
        }
        #expect(text[start..<end] == Self.table)
    }

    /// One row a status that any endpoint has a word on, and one for each of the rest.
    private static var table: String {
        let columns = StatusTable.columns
        let statuses = Set(columns.flatMap(\.verdicts.keys)).union([500, 502, 503, 504]).sorted()
        var rows = [
            "| Status |" + columns.map { " " + $0.endpoints.map(\.rawValue).joined(separator: ", ") + " |" }.joined()
        ]
        rows.append("|---|" + String(repeating: "---|", count: columns.count))
        func row(_ name: String, _ verdict: (StatusTable.Column) -> Verdict) {
            rows.append("| \(name) |" + columns.map { " \(verdict($0)) |" }.joined())
        }
        for status in statuses { row("\(status)") { StatusTable.verdict($0.endpoints[0], status) } }
        row("other 4xx", \.other.client)
        row("other 5xx", \.other.server)
        row("1xx, 3xx", \.other.odd)
        return rows.map { $0 + "\n" }.joined()
    }

    @Test func `every test that the page names is there`() throws {
        let text = try String(contentsOf: Self.file, encoding: .utf8)
        // Every second piece stands between two backticks.
        let quoted = text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter {
            $0.offset % 2 == 1
        }
        let named = quoted.compactMap { _, words -> (suite: Substring, test: Substring)? in
            guard let slash = words.firstIndex(of: "/"), words[..<slash].hasSuffix("Tests"),
                slash != words.index(before: words.endIndex)
            else { return nil }
            return (words[..<slash], words[words.index(after: slash)...])
        }
        #expect(named.count > 100)
        let sources = try Self.sources()
        for (suite, test) in named {
            let isThere = sources.contains { source in
                source.contains("func `\(test)`")
                    && (source.contains("struct \(suite)") || source.contains("extension \(suite)"))
            }
            #expect(isThere, "\(suite)/\(test)")
        }
    }

    @Test func `every section of the protocol has its facts`() throws {
        let page = try String(contentsOf: Self.file, encoding: .utf8)
        let text = page[try #require(page.firstRange(of: "## Facts")).lowerBound...]
        let sections = Set(text.matches(of: #/\n\| (\d+)(\.\d)? \|/#).compactMap { Int($0.1) })
        #expect(sections == Set(1...20))
    }

    /// The sources of all tests.
    private static func sources() throws -> [String] {
        let folder = root.appending(path: "Tests")
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        return try (files?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "swift" }.map {
            try String(contentsOf: $0, encoding: .utf8)
        }
    }
}
