import Foundation
import VideoModels

/// The findings in the body of a 400: a flat list (`issues`), a tree of `_errors` (`details`), one named parameter, or a
/// sentence that names a field. One that names several tells how they go together: a conflict, whatever else it says.
enum FindingReader {
    private static let most = 100
    private static let deepest = 12
    /// Codes by which the schema speaks of the path alone, whatever the message names: often every unknown key at once.
    private static let exact: Set = [
        "unrecognized_keys", "invalid_enum_value", "invalid_value", "invalid_literal", "too_big",
    ]

    static func findings(_ json: JSON, parameter: String?, message: String) -> [Finding] {
        let issues = (json["issues"]?.array ?? []).prefix(most).flatMap(findings)
        if !issues.isEmpty { return Array(issues.prefix(most)) }
        var fromTree: [Finding] = []
        if let details = json["details"], details.object != nil { walk(details, path: [], depth: 0, into: &fromTree) }
        if !fromTree.isEmpty { return fromTree }
        guard let field = parameter ?? FieldNames.subject(of: message) else { return [] }
        return [made(path: [field], code: code(nil, message, received: nil), message: message, options: nil)]
    }

    private static func findings(_ issue: JSON) -> [Finding] {
        guard issue.object != nil else { return [] }
        let path = issue["path"]?.texts ?? []
        let message = issue["message"]?.text ?? ""
        let word = issue["code"]?.text
        let code = code(word, message, received: issue["received"]?.text, of: issue["type"]?.text)
        let options = issue["options"]?.texts ?? issue["values"]?.texts ?? expected(issue["expected"]?.text)
        // Several unknown keys come as one issue.
        let keys = issue["keys"]?.texts ?? []
        let paths = keys.isEmpty ? [path] : keys.prefix(most).map { path.last == $0 ? path : path + [$0] }
        let limit = code == .tooMany ? issue["maximum"]?.text.map { [$0] } : nil
        let isExact = word.map(exact.contains) ?? false
        return paths.map { path in
            made(path: path, code: code, message: message, options: limit ?? options, isExact: isExact)
        }
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

    private static func made(
        path: [String], code: Finding.Code, message: String, options: [String]?, isExact: Bool = false
    ) -> Finding {
        let allowed = (options ?? expected(message)).map { Array($0.prefix(most)) }
        let isChoice = allowed != nil && code != .required && code != .tooMany
        let isConflict = !isExact && FieldNames.named(in: message).contains { !path.contains($0) }
        return Finding(
            field: FieldNames.path(path.prefix(deepest)), code: isConflict ? .conflict : isChoice ? .notAllowed : code,
            message: Scrubber.clean(message), allowed: allowed)
    }

    private static func code(
        _ word: String?, _ message: String, received: String?, of type: String? = nil
    ) -> Finding.Code {
        let text = message.lowercased()
        switch word {
        case "unrecognized_keys": return .notSupported
        case "invalid_enum_value", "invalid_value", "invalid_literal": return .notAllowed
        case "too_big": return type == "array" || text.contains("element") ? .tooMany : .tooLong
        default: break
        }
        if received == "undefined" || text.contains("required") { return .required }
        if text.contains("not support") || text.contains("unrecognized") { return .notSupported }
        if text.contains("too many") || (text.contains("at most") && text.contains("element")) { return .tooMany }
        if text.contains("too long") || text.contains("at most") { return .tooLong }
        return .malformed
    }

    /// The choices in `Expected 'a' | 'b', received 'c'`, or in a bare `'a' | 'b'`.
    private static func expected(_ text: String?) -> [String]? {
        guard let text, text.contains("'") else { return nil }
        let start = text.firstRange(of: "Expected ")?.upperBound ?? text.startIndex
        let clause = text[start...].prefix { $0 != "," }
        // A single quoted word without `Expected` before it is what was given, or the name of a key.
        guard start != text.startIndex || clause.contains("|") else { return nil }
        let words = clause.split(separator: "|").compactMap { part -> String? in
            let quoted = part.split(separator: "'", omittingEmptySubsequences: false)
            return quoted.count == 3 ? String(quoted[1]) : nil
        }
        return words.isEmpty ? nil : words
    }
}

/// The upstream's names for the fields of a request, and those that `VideoRequest` has for them.
enum FieldNames {
    /// Names that differ, at the top of a request.
    private static let ours = [
        "image_url": "image", "end_image_url": "end_image", "audio_url": "audio_track", "video_url": "video",
        "reference_image_urls": "reference_images", "reference_video_urls": "reference_videos",
        "reference_audio_urls": "reference_audios", "reference_document_urls": "reference_documents",
        "reference_video_total_duration": "reference_video_seconds", "scene_image_urls": "scene_images",
        "camera_trajectory": "camera_path", "omni_reference_task_type": "reference_task", "bitrate_mode": "bitrate",
        "voice_id": "voice",
    ]
    /// Names that differ inside an entry of a list.
    private static let inside = [
        "image_url": "image", "video_url": "video", "audio_url": "audio", "frontal_image_url": "frontal_image",
        "reference_image_urls": "reference_images", "frame_index": "frame", "type": "role", "ref_name": "name",
    ]
    /// Names that are the same on both sides.
    private static let same = [
        "negative_prompt", "aspect_ratio", "upscale_factor", "image_references", "video_references", "keyframes",
        "elements", "resolution", "duration", "prompt",
    ]

    /// `reference_image_urls`, `2` as `reference_images[2]`.
    static func path(_ path: some Collection<String>) -> String {
        path.reduce("") { field, step in
            if let index = Int(step) { return "\(field)[\(index)]" }
            let name = (field.isEmpty ? ours : inside)[step] ?? String(step.prefix(100))
            return (field.isEmpty ? "" : field + ".") + name
        }
    }

    /// The fields that a sentence names, those included that we do not know. A value such as `true_1080p` is none.
    static func named(in message: String) -> [String] {
        words(of: message).filter { word in
            isKnown(word) || (word.contains("_") && !word.contains(where: \.isNumber))
        }
    }

    /// The field that a sentence such as `This model does not support aspect_ratio` is about, or the first of several.
    static func subject(of message: String) -> String? {
        let words = words(of: message)
        if let name = words.first(where: isKnown) { return name }
        // Too common a word to be looked for anywhere but here.
        for name in ["model", "audio"] where words.starts(with: [name, "is", "required"]) { return name }
        return words.suffix(2) == ["support", "audio"] ? "audio" : nil
    }

    private static func isKnown(_ word: String) -> Bool { ours[word] != nil || same.contains(word) }

    private static func words(of message: String) -> [String] {
        message.lowercased().split { !($0.isLetter || $0.isNumber || $0 == "_") }.prefix(200).map(String.init)
    }
}
