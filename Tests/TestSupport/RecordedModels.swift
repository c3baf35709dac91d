import Foundation
public import VideoModels

extension VideoModel {
    /// All 116 models of the recorded listing, in the order of their ids. Read here without the upstream's client.
    public static let recorded: [VideoModel] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/VeniceSimulator/Resources/video-models.json")
        do {
            let listing = try JSONDecoder().decode(RecordedListing.self, from: Data(contentsOf: file))
            return listing.constraints.sorted { $0.key < $1.key }.map { id, limits in limits.model(id) }
        } catch {
            fatalError("the recorded listing cannot be read: \(error)")
        }
    }()

    /// The recorded model with this id, which must be one of them.
    public static func recorded(_ id: String) -> VideoModel {
        guard let model = recorded.first(where: { $0.id == id }) else { fatalError("no recorded model \(id)") }
        return model
    }
}

private struct RecordedListing: Decodable {
    var constraints: [String: Limits]

    struct Limits: Decodable {
        var model_type: String
        var durations, resolutions, aspect_ratios: [String]
        var audio, audio_configurable, audio_input, per_reference_audio, video_input: Bool
        var prompt_character_limit, reference_image_min_short_side_pixels: Int?
        var reference_image_min_aspect_ratio, reference_image_max_aspect_ratio: Double?

        func model(_ id: String) -> VideoModel {
            let sound: VideoModel.Sound = audio_configurable ? .optional : audio ? .always : .none
            return VideoModel(
                id: id, name: id, kind: Open(model_type), durations: durations, resolutions: resolutions,
                aspectRatios: aspect_ratios, sound: .known(sound),
                promptCharacterLimit: prompt_character_limit ?? VideoModel.defaultPromptCharacterLimit,
                media: ListedMedia(
                    takesAudio: audio_input, takesVideo: video_input, takesReferenceAudio: per_reference_audio,
                    shortestSidePixels: reference_image_min_short_side_pixels,
                    leastRatio: reference_image_min_aspect_ratio, mostRatio: reference_image_max_aspect_ratio))
        }
    }
}
