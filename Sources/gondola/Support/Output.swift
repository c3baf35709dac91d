import ArgumentParser
import Foundation
import VideoModels

/// How a command shows what it found.
struct OutputOptions: ParsableArguments {
    @Flag(name: .customLong("json"), help: "Print JSON instead of a table.")
    var isJSON = false

    /// Prints the value as one line of JSON, or the table.
    func show(_ value: some Encodable, as table: () -> Table) throws {
        if isJSON { try Self.json(value) } else { table().show() }
    }

    static func json(_ value: some Encodable) throws {
        Terminal.say(String(decoding: try Wire.encode(value), as: UTF8.self))
    }
}
