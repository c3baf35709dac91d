import Foundation
import Testing

/// What the phone's developers rely on about the sources themselves.
@Suite struct SourceTests {
    struct Line: Sendable {
        var file: String
        var number: Int
        var text: String
        var place: String { "\(file):\(number)" }
    }

    static let lines: [[Line]] = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources")
        let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        let modules = ["VideoModels/", "FeedSync/", "FeedURLSession/"]
        return names.filter { name in name.hasSuffix(".swift") && modules.contains { name.hasPrefix($0) } }.sorted()
            .compactMap { name in
                guard let text = try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8) else {
                    return nil
                }
                return text.components(separatedBy: "\n").enumerated().map { index, line in
                    Line(file: name, number: index + 1, text: line.trimmingCharacters(in: .whitespaces))
                }
            }
    }()

    @Test func `nothing is imported that iOS lacks`() {
        #expect(Self.lines.count > 15)
        let imports = Self.lines.joined().filter { $0.text.wholeMatch(of: /(public |@\w+ )*import .+/) != nil }
        #expect(!imports.isEmpty)
        for line in imports {
            let module = line.text.split(separator: " ").last ?? ""
            let own = ["VideoModels", "FeedSync", "FoundationNetworking", "Synchronization"]
            let allowed = ["Foundation", "FoundationEssentials"] + (line.file.hasPrefix("Feed") ? own : [])
            #expect(allowed.contains(String(module)), "\(line.place)")
        }
    }

    /// Types, functions, subscripts, static members and initialisers that may fail; a plain initialiser and what a
    /// protocol asks for say nothing new.
    @Test func `every public declaration is documented`() {
        var documented = 0
        for lines in Self.lines {
            for (index, line) in lines.enumerated() where Self.needsWords(line.text) {
                let before = lines[..<index].reversed().first { !$0.text.hasPrefix("@") }
                #expect(before?.text.hasPrefix("///") == true, "\(line.place): \(line.text)")
                documented += 1
            }
        }
        #expect(documented > 60)
    }

    static func needsWords(_ line: String) -> Bool {
        let declaration =
            /(@\w+ )*public (static |mutating |final |indirect )*(struct|enum|protocol|class|typealias|func|subscript|init\?).*/
        let constant = /public static (let|var) .*/
        let demanded =
            /.*(func encode\(to|func (<|==|\+|-) |func hash\(into|init\?\(_ (description|object)|var kind: Change|func (commit|versions)\().*/
        return (line.wholeMatch(of: declaration) != nil || line.wholeMatch(of: constant) != nil)
            && line.wholeMatch(of: demanded) == nil
    }

    @Test func `the scanner knows a bare declaration when it sees one`() {
        for line in [
            "public struct A {", "public static func a() {", "public init?(_ text: String) {",
            "public static let a = 1",
        ] {
            #expect(Self.needsWords(line), "\(line)")
        }
        for line in ["struct A {", "public var a: Int", "public func encode(to encoder: any Encoder) throws {"] {
            #expect(!Self.needsWords(line), "\(line)")
        }
    }
}
