import Foundation
import VideoModels

/// The findings in the body of a 400: a flat list (`issues`), a tree of `_errors` (`details`), or one named parameter.
enum FindingReader {
    private static let most = 100
    private static let deepest = 12

    static func findings(_ json: JSON, parameter: String?, message: String) -> [Finding] {
        let issues = (json["issues"]?.array ?? []).prefix(most).compactMap(finding)
        if !issues.isEmpty { return issues }
        var fromTree: [Finding] = []
        if let details = json["details"], details.object != nil { walk(details, path: [], depth: 0, into: &fromTree) }
        if !fromTree.isEmpty { return fromTree }
        guard let parameter else { return [] }
        return [made(path: [parameter], code: .malformed, message: message, options: nil)]
    }

    private static func finding(_ issue: JSON) -> Finding? {
        guard issue.object != nil else { return nil }
        let path = issue["path"]?.texts ?? []
        let message = issue["message"]?.text ?? ""
        let options = issue["options"]?.texts ?? issue["values"]?.texts
        let keys = issue["keys"]?.texts ?? []
        return made(
            path: path.isEmpty ? keys : path,
            code: code(issue["code"]?.text, message, received: issue["received"]?.text),
            message: message, options: options ?? expected(issue["expected"]?.text))
    }

    private static func walk(_ tree: JSON, path: [String], depth: Int, into findings: inout [Finding]) {
        guard depth < deepest, let members = tree.object else { return }
        for message in members["_errors"]?.texts ?? [] where findings.count < most {
            findings.append(made(path: path, code: code(nil, message, received: nil), message: message, options: nil))
        }
        for (key, branch) in members.sorted(by: { $0.key < $1.key }) where key != "_errors" {
            walk(branch, path: path + [key], depth: depth + 1, into: &findings)
        }
    }

    private static func made(path: [String], code: Finding.Code, message: String, options: [String]?) -> Finding {
        let allowed = options ?? expected(message)
        return Finding(
            field: field(path), code: allowed == nil || code == .required ? code : .notAllowed,
            message: Scrubber.clean(message), allowed: allowed)
    }

    private static func code(_ word: String?, _ message: String, received: String?) -> Finding.Code {
        let text = message.lowercased()
        switch word {
        case "unrecognized_keys": return .notSupported
        case "invalid_enum_value", "invalid_value", "invalid_literal": return .notAllowed
        case "too_big": return .tooLong
        default: break
        }
        if received == "undefined" || text.contains("required") { return .required }
        if text.contains("not support") || text.contains("unrecognized") { return .notSupported }
        if text.contains("too long") || text.contains("at most") { return .tooLong }
        return .malformed
    }

    /// The choices in `Expected 'a' | 'b', received 'c'`, or in a bare `'a' | 'b'`.
    private static func expected(_ text: String?) -> [String]? {
        guard let text, text.contains("'") else { return nil }
        let start = text.firstRange(of: "Expected ")?.upperBound ?? text.startIndex
        let clause = text[start...].prefix { $0 != "," }
        let words = clause.split(separator: "|").compactMap { part -> String? in
            let quoted = part.split(separator: "'", omittingEmptySubsequences: false)
            return quoted.count == 3 ? String(quoted[1]) : nil
        }
        return words.isEmpty ? nil : words
    }

    /// `reference_image_urls`, `2` as `reference_images[2]`: the name that `VideoRequest` has for it.
    private static func field(_ path: [String]) -> String {
        let names = [
            "image_url": "image", "end_image_url": "end_image", "audio_url": "audio_track", "video_url": "video",
            "reference_image_urls": "reference_images",
        ]
        return path.prefix(deepest).reduce("") { field, step in
            if Int(step) != nil { return "\(field)[\(step)]" }
            return (field.isEmpty ? "" : field + ".") + (names[step] ?? String(step.prefix(100)))
        }
    }
}
