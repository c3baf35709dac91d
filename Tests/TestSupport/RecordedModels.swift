import Foundation
public import VideoModels

extension VideoModel {
    /// All 116 models of the recorded listing, in the order of their ids. Read here without the upstream's client.
    public static let recorded: [VideoModel] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/VeniceSimulator/Resources/video-models.json")
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let listing = try decoder.decode(RecordedListing.self, from: Data(contentsOf: file))
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
        var modelType: String
        var durations, resolutions, aspectRatios: [String]
        var audio, audioConfigurable, audioInput, perReferenceAudio, videoInput: Bool
        var promptCharacterLimit, referenceImageMinShortSidePixels: Int?
        var referenceImageMinAspectRatio, referenceImageMaxAspectRatio: Double?

        func model(_ id: String) -> VideoModel {
            let sound: VideoModel.Sound = audioConfigurable ? .optional : audio ? .always : .none
            return VideoModel(
                id: id, name: id, kind: Open(modelType), durations: durations, resolutions: resolutions,
                aspectRatios: aspectRatios, sound: .known(sound),
                promptCharacterLimit: promptCharacterLimit ?? VideoModel.defaultPromptCharacterLimit,
                media: ListedMedia(
                    takesAudio: audioInput, takesVideo: videoInput, takesReferenceAudio: perReferenceAudio,
                    shortestSidePixels: referenceImageMinShortSidePixels,
                    leastRatio: referenceImageMinAspectRatio, mostRatio: referenceImageMaxAspectRatio))
        }
    }
}
