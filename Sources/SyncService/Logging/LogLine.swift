import Foundation
import Logging
import VideoModels

/// One event as one line of bounded length: no line end from outside survives in it.
struct LogLine {
    var time: Date
    var level: Logger.Level
    var message: String
    var metadata: Logger.Metadata

    /// Bytes of one message or value; the rest is cut off.
    static let valueLimit = 4096
    /// Pieces of metadata on one line; further ones are left out.
    static let metadataLimit = 40
    /// Bytes of all metadata together.
    static let totalLimit = 16384

    /// `2026-11-21T09:30:00.125Z info  job advanced job_id=… state=ready`
    var text: String {
        var line = "\(Wire.text(of: time)) \(level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)) "
        line += Self.escaped(bounded(message))
        for (key, value) in pieces { line += " \(Self.escaped(key))=\(Self.quoted(value))" }
        return line + "\n"
    }

    /// `{"time":…,"level":…,"message":…, …}`: metadata stands beside them; a key of theirs gets a `_` in front.
    var json: String {
        var line = "{\"time\":\"\(Wire.text(of: time))\",\"level\":\"\(level.rawValue)\""
        line += ",\"message\":\(Self.jsonString(bounded(message)))"
        for (key, value) in pieces {
            let name = ["time", "level", "message"].contains(key) ? "_\(key)" : key
            line += ",\(Self.jsonString(name)):\(Self.jsonString(value))"
        }
        return line + "}\n"
    }

    /// Metadata in the order of its keys, within all bounds.
    private var pieces: [(String, String)] {
        var left = Self.totalLimit
        return metadata.sorted { $0.key < $1.key }.prefix(Self.metadataLimit).compactMap { key, value in
            let text = bounded(value.description)
            left -= text.utf8.count + key.utf8.count
            return left >= 0 ? (bounded(key), text) : nil
        }
    }

    private func bounded(_ text: String) -> String {
        guard text.utf8.count > Self.valueLimit else { return text }
        // A cut through the middle of a character leaves a replacement character, which is honest enough.
        return String(decoding: text.utf8.prefix(Self.valueLimit), as: UTF8.self) + "…"
    }

    /// Makes control characters, line ends and what a terminal would obey visible.
    private static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { isControl($0) }) else { return text }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where isControl(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control || scalar == "\u{2028}" || scalar == "\u{2029}"
    }

    /// As it is where that reads without doubt, otherwise in quotes.
    private static func quoted(_ text: String) -> String {
        let text = escaped(text)
        guard text.isEmpty || text.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else { return text }
        return "\"" + text.replacing("\"", with: "\\\"") + "\""
    }

    private static func jsonString(_ text: String) -> String {
        let body = text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where isControl(scalar):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return "\"\(body)\""
    }
}
