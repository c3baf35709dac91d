import ArgumentParser
import Foundation
import SyncService
import VideoModels

/// The three videos that the demo asks for.
struct DemoPlan {
    struct Wish {
        /// What the row is called.
        var title: String
        var request: VideoRequest
    }

    var wishes: [Wish]

    init(text: String, image: String, private link: String, picture: AssetID) {
        wishes = [
            Wish(title: "text to video", request: Self.request(text, "A gondola glides through the fog at dawn.")),
            Wish(title: "image to video", request: Self.request(image, "The picture comes alive.")),
            Wish(title: "private, by link", request: Self.request(link, "Lanterns drift over a dark lagoon.")),
        ]
        wishes[0].request.aspectRatio = "16:9"
        wishes[1].request.image = .asset(picture)
        wishes[2].request.aspectRatio = "16:9"
    }

    private static func request(_ model: String, _ prompt: String) -> VideoRequest {
        var request = VideoRequest(model: model, prompt: prompt)
        request.duration = "5s"
        request.resolution = "480p"
        return request
    }

    /// Checks every request against what the server offers, before anything is asked for.
    func check(against models: [VideoModel]) throws {
        let findings = wishes.flatMap { wish -> [Finding] in
            guard let model = models.first(where: { $0.id == wish.request.model }) else {
                return [
                    Finding(
                        field: "model", code: .unknownModel, message: "the server does not offer this model",
                        given: wish.request.model)
                ]
            }
            return wish.request.validate(against: model)
        }
        if !findings.isEmpty {
            throw CommandFailure(.refusedData, "the demo's requests do not fit:\n" + FindingTable.text(findings))
        }
    }
}
