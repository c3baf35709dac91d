import Foundation
import VideoModels

/// The keys that an object of a request may have, and those of the objects and lists of objects in it.
struct KnownKeys: Sendable {
    var keys: Set<String>
    var nested: [String: KnownKeys]
    /// Those whose numbers must be whole. The decoder refuses others without saying where they stand.
    var whole: Set<String>

    init(_ keys: Set<String>, _ nested: [String: KnownKeys] = [:], whole: Set<String> = []) {
        self.keys = keys
        self.nested = nested
        self.whole = whole
    }

    init<Keys: CodingKey & CaseIterable>(
        _ keys: Keys.Type, _ nested: [String: KnownKeys] = [:], whole: Set<String> = []
    ) {
        self.init(Set(keys.allCases.map(\.stringValue)), nested, whole: whole)
    }

    /// A finding for each key that is none of these and each number that should be whole, in the order of the keys.
    func findings(in fields: [String: Any], under path: String = "") -> [Finding] {
        fields.sorted { $0.key < $1.key }.flatMap { key, value -> [Finding] in
            let place = path.isEmpty ? key : "\(path).\(key)"
            guard keys.contains(key) else {
                let name = String(String.UnicodeScalarView(place.unicodeScalars.prefix(200)))
                return [Finding(field: name, code: .unknownField, message: "there is no such field")]
            }
            if whole.contains(key), let number = value as? Double, Int(exactly: number) == nil {
                return [Finding(field: place, code: .malformed, message: "must be a whole number", given: "\(number)")]
            }
            return nested[key]?.findings(inValue: value, at: place) ?? []
        }
    }

    /// A value of another type is the decoder's to refuse.
    private func findings(inValue value: Any, at place: String) -> [Finding] {
        if let fields = value as? [String: Any] { return findings(in: fields, under: place) }
        return (value as? [Any] ?? []).enumerated().flatMap { findings(inValue: $1, at: "\(place)[\($0)]") }
    }
}

extension KnownKeys {
    static let videoRequest = KnownKeys(
        VideoRequest.CodingKeys.self,
        [
            "image": source, "end_image": source, "audio_track": source, "video": source, "reference_images": source,
            "reference_videos": source, "reference_audios": source, "reference_documents": source,
            "scene_images": source,
            "elements": KnownKeys(
                VideoRequest.Element.CodingKeys.self,
                ["frontal_image": source, "reference_images": source, "video": source]),
            "keyframes": KnownKeys(VideoRequest.Keyframe.CodingKeys.self, ["image": source], whole: ["frame"]),
            "image_references": KnownKeys(VideoRequest.ImageReference.CodingKeys.self, ["image": source]),
            "video_references": KnownKeys(
                VideoRequest.VideoReference.CodingKeys.self, ["video": source, "audio": source]),
            "camera_path": KnownKeys(VideoRequest.CameraPoint.CodingKeys.self),
        ], whole: ["upscale_factor"])

    private static let source = KnownKeys(MediaSource.CodingKeys.self)
}
