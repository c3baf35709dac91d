/// The keys that a queue body may hold, and the type of each, before anything about the model is looked at.
enum QueueSchema {
    indirect enum Shape: Sendable {
        case text(minimum: Int, maximum: Int)
        case words([String])
        case boolean
        case number(ClosedRange<Double>, whole: Bool)
        case list(of: Shape, minimum: Int, maximum: Int)
        case record([String: Shape], required: Set<String>)
    }

    static let aspectRatios = [
        "1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "9:21", "16:9", "21:9", "adaptive", "auto",
    ]

    static let url = Shape.text(minimum: 1, maximum: .max)
    static let agreed = Shape.boolean

    static let fields: [String: Shape] = [
        "model": .text(minimum: 1, maximum: 200),
        "prompt": .text(minimum: 1, maximum: 20_000),
        "negative_prompt": .text(minimum: 0, maximum: 20_000),
        "duration": .text(minimum: 1, maximum: 20),
        "aspect_ratio": .words(aspectRatios),
        // Open: live models show words that the schema does not list.
        "resolution": .text(minimum: 1, maximum: 20),
        "upscale_factor": .number(1...4, whole: true),
        "audio": .boolean,
        "image_url": url, "end_image_url": url, "audio_url": url, "video_url": url,
        "reference_image_urls": .list(of: url, minimum: 1, maximum: 30),
        "reference_video_urls": .list(of: url, minimum: 1, maximum: 10),
        "reference_audio_urls": .list(of: url, minimum: 1, maximum: 10),
        "reference_document_urls": .list(of: url, minimum: 1, maximum: 1),
        "elements": .list(
            of: .record(
                [
                    "frontal_image_url": url, "video_url": url,
                    "reference_image_urls": .list(of: url, minimum: 0, maximum: 3),
                ], required: []), minimum: 1, maximum: 4),
        "scene_image_urls": .list(of: url, minimum: 1, maximum: 4),
        "keyframes": .list(
            of: .record(
                ["image_url": url, "frame_index": .number(0...100_000, whole: true)],
                required: ["image_url", "frame_index"]), minimum: 1, maximum: 10),
        "omni_reference_task_type": .words(["auto", "reference", "edit", "extend", "editing", "extension"]),
        "consents": .record(
            [
                "seedance": .record(
                    [
                        "confirmed_terms_and_privacy": agreed, "confirmed_legal_right": agreed,
                        "confirmed_screening_acknowledged": agreed,
                    ],
                    required: [
                        "confirmed_terms_and_privacy", "confirmed_legal_right", "confirmed_screening_acknowledged",
                    ])
            ], required: ["seedance"]),
        "camera_trajectory": .list(
            of: .record(
                [
                    "time": .number(0...1, whole: false), "azimuth": .number(-360...360, whole: false),
                    "elevation": .number(-90...90, whole: false), "distance": .number(0.000_001...1e6, whole: false),
                ], required: ["time", "azimuth", "elevation", "distance"]), minimum: 2, maximum: 12),
        "bitrate_mode": .words(["standard", "high"]),
        "image_references": .list(
            of: .record(
                [
                    "image_url": url, "type": .words(["subject", "background"]),
                    "ref_name": .text(minimum: 1, maximum: 64),
                ],
                required: ["image_url"]), minimum: 1, maximum: 30),
        "video_references": .list(
            of: .record(
                ["video_url": url, "ref_name": .text(minimum: 1, maximum: 64), "audio_url": url],
                required: ["video_url"]), minimum: 1, maximum: 10),
        "voice_id": .text(minimum: 1, maximum: 200),
        "anon_user_id": .text(minimum: 1, maximum: 128),
    ]

    /// Everything that does not fit, in the order of the keys' names.
    static func findings(in fields: [String: JSONValue]) -> [Finding] {
        fields.sorted { $0.key < $1.key }.flatMap { name, value -> [Finding] in
            guard let shape = self.fields[name] else { return [unrecognized(name, at: [name])] }
            return findings(value, shape, at: [name])
        }
    }

    static func unrecognized(_ key: String, at path: [String]) -> Finding {
        Finding(
            kind: .schema(code: "unrecognized_keys"), path: path,
            message: "Unrecognized key(s) in object: '\(key)'")
    }

    private static func findings(_ value: JSONValue, _ shape: Shape, at path: [String]) -> [Finding] {
        switch (shape, value) {
        case (.text(let minimum, let maximum), .string(let text)): length(text.utf16.count, minimum, maximum, path)
        case (.words(let words), .string(let word)): words.contains(word) ? [] : [notAWord(word, words, path)]
        case (.boolean, .bool): []
        case (.number(let range, let whole), .number(let value)): bounds(value, range, whole, path)
        case (.list(let inner, let minimum, let maximum), .array(let values)):
            length(values.count, minimum, maximum, path)
                + values.enumerated().flatMap { findings($1, inner, at: path + ["\($0)"]) }
        case (.record(let inner, let required), .object(let fields)): record(fields, inner, required, path)
        default: [.wrongType(path, expected: name(of: shape), received: value)]
        }
    }

    private static func record(
        _ fields: [String: JSONValue], _ inner: [String: Shape], _ required: Set<String>, _ path: [String]
    ) -> [Finding] {
        let missing = required.subtracting(fields.keys).sorted().map {
            Finding(kind: .schema(code: "invalid_type"), path: path + [$0], message: "Required")
        }
        return missing
            + fields.sorted { $0.key < $1.key }.flatMap { name, value -> [Finding] in
                guard let shape = inner[name] else { return [unrecognized(name, at: path + [name])] }
                return findings(value, shape, at: path + [name])
            }
    }

    private static func length(_ count: Int, _ minimum: Int, _ maximum: Int, _ path: [String]) -> [Finding] {
        if count < minimum {
            [Finding(kind: .schema(code: "too_small"), path: path, message: "Must contain at least \(minimum)")]
        } else if count > maximum {
            [Finding(kind: .schema(code: "too_big"), path: path, message: "Must contain at most \(maximum)")]
        } else {
            []
        }
    }

    private static func bounds(
        _ value: Double, _ range: ClosedRange<Double>, _ whole: Bool, _ path: [String]
    ) -> [Finding] {
        if whole && value != value.rounded() {
            return [
                Finding(
                    kind: .schema(code: "invalid_type"), path: path, message: "Expected integer, received float")
            ]
        }
        guard !range.contains(value) else { return [] }
        let message = "Number must be between \(range.lowerBound) and \(range.upperBound)"
        return [Finding(kind: .schema(code: "too_big"), path: path, message: message)]
    }

    private static func notAWord(_ word: String, _ words: [String], _ path: [String]) -> Finding {
        let expected = words.map { "'\($0)'" }.joined(separator: " | ")
        return Finding(
            kind: .schema(code: "invalid_enum_value"), path: path,
            message: "Invalid enum value. Expected \(expected), received '\(word)'", options: words)
    }

    private static func name(of shape: Shape) -> String {
        switch shape {
        case .text, .words: "string"
        case .boolean: "boolean"
        case .number: "number"
        case .list: "array"
        case .record: "object"
        }
    }
}
