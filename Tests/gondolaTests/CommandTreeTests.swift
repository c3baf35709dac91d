import ArgumentParser
import Foundation
import Testing

@testable import gondola

/// What holds for every command that there is.
struct CommandTreeTests {
    struct Node {
        var path: [String]
        var type: any ParsableCommand.Type
        var isLeaf: Bool { type.configuration.subcommands.isEmpty }
        var name: String { path.joined(separator: " ") }
    }

    static var all: [Node] {
        func below(_ node: Node) -> [Node] {
            [node]
                + node.type.configuration.subcommands.flatMap { type in
                    below(Node(path: node.path + [type._commandName], type: type))
                }
        }
        return below(Node(path: ["gondola"], type: Gondola.self))
    }

    /// The first line of a command's help beyond its abstract.
    private func example(of node: Node) -> String {
        String(node.type.configuration.discussion.split(separator: "\n").first ?? "")
    }

    @Test func `the help of every command begins with an example of it`() {
        for node in Self.all {
            let line = example(of: node)
            let isOfItself = node.isLeaf ? line.contains(node.name) : line.contains("gondola ")
            #expect(isOfItself, "\(node.name): \(line)")
            #expect(!node.type.configuration.abstract.isEmpty, "\(node.name) has no abstract")
        }
    }

    @Test func `every example is understood as it stands`() throws {
        for node in Self.all {
            let words = try #require(Self.words(of: example(of: node)), "\(node.name)")
            do { _ = try Gondola.parseAsRoot(words) } catch {
                Issue.record("\(node.name): \(words): \(Gondola.message(for: error))")
            }
        }
    }

    /// The first command of ours in a line of a shell.
    static func words(of line: String) -> [String]? {
        guard let start = line.range(of: "gondola ") else { return nil }
        var (words, word, isQuoted) = ([String](), "", false)
        for character in line[start.upperBound...] {
            switch character {
            case "\"": isQuoted.toggle()
            case " " where !isQuoted:
                if !word.isEmpty { words.append(word) }
                word = ""
            case ")" where !isQuoted, ">" where !isQuoted, "#" where !isQuoted, "&" where !isQuoted:
                return end(words, word)
            default: word.append(character)
            }
        }
        return end(words, word)
    }

    private static func end(_ words: [String], _ word: String) -> [String] {
        return words + (word.isEmpty ? [] : [word])
    }

    /// Those that run until they are stopped, that draw, or that print one word for a shell.
    private static let withoutJSON = [
        "gondola run", "gondola serve", "gondola work", "gondola demo", "gondola secrets new-key",
        "gondola tokens revoke", "gondola top",
    ]

    @Test func `every command that prints something prints JSON too`() {
        for node in Self.all where node.isLeaf && !Self.withoutJSON.contains(node.name) {
            #expect(node.type.helpMessage(columns: 200).contains("--json"), "\(node.name)")
        }
    }

    @Test func `what asks can be answered beforehand, and what changes many things can be tried first`() {
        for node in Self.all where node.isLeaf {
            let help = node.type.helpMessage(columns: 200)
            if help.contains("Asks first") { #expect(help.contains("--yes"), "\(node.name)") }
        }
        let many = [
            "jobs cancel", "jobs requeue", "jobs retry", "users erase", "users retention", "storage gc",
            "workers drain",
        ]
        for name in many {
            let node = Self.all.first { $0.name == "gondola \(name)" }
            #expect(node?.type.helpMessage(columns: 200).contains("--dry-run") == true, "\(name)")
        }
    }

    @Test func `no list is longer than a screen unless somebody asks`() {
        for node in Self.all where node.isLeaf && node.path.last == "list" && node.path[1] != "accounts" {
            #expect(node.type.helpMessage(columns: 200).contains("--limit"), "\(node.name)")
        }
    }
}
