import Foundation
import VideoModels

/// What a value in a body must be.
indirect enum BodyShape: Sendable {
    case text, flag, number, wholeNumber
    /// An identifier, written as text.
    case id
    /// An amount of at least nothing, written as text.
    case price
    case list(of: BodyShape)
    case object(KnownKeys)

    /// After "must be".
    var words: String {
        switch self {
        case .text: "a text"
        case .flag: "true or false"
        case .number: "a number"
        case .wholeNumber: "a whole number"
        case .id: "a UUID, as text"
        case .price: "an amount as text, such as \"0.55\""
        case .list: "a list"
        case .object(let keys): keys.wantsOne ? "an object with \(keys.choice)" : "an object"
        }
    }
}

/// The keys that an object in a body may have, and what stands under each.
///
/// It says again what the `Codable` types say, because a decoder stops at the first mistake and this tells them all.
struct KnownKeys: Sendable {
    private(set) var shapes: [String: BodyShape] = [:]
    /// Those that must be there and not null.
    let needed: Set<String>
    /// Whether there must be one of the keys and no other.
    let wantsOne: Bool

    /// - Parameter shape: a `switch` over the keys, so that no new one can be forgotten here.
    init<Keys: CodingKey & CaseIterable & Hashable>(
        _ keys: Keys.Type, needed: Set<Keys> = [], wantsOne: Bool = false, shape: (Keys) -> BodyShape
    ) {
        self.needed = Set(needed.map(\.stringValue))
        self.wantsOne = wantsOne
        for key in Keys.allCases { shapes[key.stringValue] = shape(key) }
    }

    /// For people: `asset_id or url`.
    var choice: String { shapes.keys.sorted().joined(separator: " or ") }
}

extension KnownKeys {
    static let submission = KnownKeys(JobSubmission.CodingKeys.self, needed: [.request]) {
        switch $0 {
        case .request: .object(videoRequest)
        case .maxPrice: .price
        case .priority: .text
        }
    }

    static let quote = KnownKeys(PhoneAPI.QuoteBody.CodingKeys.self, needed: [.request]) {
        switch $0 {
        case .request: .object(videoRequest)
        }
    }

    static let decision = KnownKeys(PhoneAPI.DecisionBody.CodingKeys.self, needed: [.decision]) {
        switch $0 {
        case .decision: .text
        case .revision: .wholeNumber
        }
    }

    static let link = KnownKeys(PhoneAPI.LinkBody.CodingKeys.self) {
        switch $0 {
        case .expiresIn: .wholeNumber
        }
    }

    static let videoRequest = KnownKeys(VideoRequest.CodingKeys.self, needed: [.model]) {
        switch $0 {
        case .model, .prompt, .negativePrompt, .duration, .resolution, .aspectRatio, .referenceTask, .bitrate, .voice:
            .text
        case .audio: .flag
        case .upscaleFactor: .wholeNumber
        case .referenceVideoSeconds: .number
        case .image, .endImage, .audioTrack, .video: .object(source)
        case .referenceImages, .referenceVideos, .referenceAudios, .referenceDocuments, .sceneImages:
            .list(of: .object(source))
        case .elements: .list(of: .object(element))
        case .keyframes: .list(of: .object(keyframe))
        case .imageReferences: .list(of: .object(imageReference))
        case .videoReferences: .list(of: .object(videoReference))
        case .cameraPath: .list(of: .object(cameraPoint))
        }
    }

    private static let source = KnownKeys(MediaSource.CodingKeys.self, wantsOne: true) {
        switch $0 {
        case .url: .text
        case .asset: .id
        }
    }

    private static let element = KnownKeys(VideoRequest.Element.CodingKeys.self) {
        switch $0 {
        case .frontalImage, .video: .object(source)
        case .referenceImages: .list(of: .object(source))
        }
    }

    private static let keyframe = KnownKeys(VideoRequest.Keyframe.CodingKeys.self, needed: [.image, .frame]) {
        switch $0 {
        case .image: .object(source)
        case .frame: .wholeNumber
        }
    }

    private static let imageReference = KnownKeys(VideoRequest.ImageReference.CodingKeys.self, needed: [.image]) {
        switch $0 {
        case .image: .object(source)
        case .role, .name: .text
        }
    }

    private static let videoReference = KnownKeys(VideoRequest.VideoReference.CodingKeys.self, needed: [.video]) {
        switch $0 {
        case .video, .audio: .object(source)
        case .name: .text
        }
    }

    private static let cameraPoint = KnownKeys(
        VideoRequest.CameraPoint.CodingKeys.self, needed: [.time, .azimuth, .elevation, .distance]
    ) { _ in .number }
}
