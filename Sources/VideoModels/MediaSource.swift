/// Where a picture, a sound or a clip comes from: something uploaded here, or a public address.
///
/// On the wire `{"asset_id": "…"}` or `{"url": "https://…"}`.
public enum MediaSource: Hashable, Sendable {
    case asset(AssetID)
    /// Public `https` (or `http`) address, fetched by the upstream and never by Gondola.
    case url(String)
}

extension MediaSource {
    /// The address or the upload's id.
    var word: String {
        switch self {
        case .asset(let id): id.description
        case .url(let url): url
        }
    }
}

extension MediaSource: Codable {
    /// The names of the fields in JSON and in findings.
    public enum CodingKeys: String, CodingKey, CaseIterable {
        case url
        case asset = "asset_id"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let asset = try container.decodeIfPresent(AssetID.self, forKey: .asset)
        let url = try container.decodeIfPresent(String.self, forKey: .url)
        switch (asset, url) {
        case (let asset?, nil): self = .asset(asset)
        case (nil, let url?): self = .url(url)
        default:
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "give either asset_id or url"))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .asset(let id): try container.encode(id, forKey: .asset)
        case .url(let url): try container.encode(url, forKey: .url)
        }
    }
}

/// A piece of media where it stands in a request.
struct MediaPart {
    enum Kind { case image, audio, video, document }

    /// The path of the field that holds it.
    var path: String
    /// The request's own field that it belongs to.
    var field: VideoRequest.Field
    var kind: Kind
    var source: MediaSource
}

extension VideoRequest {
    /// Every piece of media that the request names, with the path of its field: `image`, `elements[0].video`.
    public var media: [(field: String, source: MediaSource)] { mediaParts.map { ($0.path, $0.source) } }

    var mediaParts: [MediaPart] {
        var parts: [MediaPart] = []
        func add(_ field: Field, _ kind: MediaPart.Kind, _ source: MediaSource?, at path: String = "") {
            guard let source else { return }
            parts.append(MediaPart(path: field.rawValue + path, field: field, kind: kind, source: source))
        }
        func add(_ field: Field, _ kind: MediaPart.Kind, _ sources: [MediaSource]?, under path: String = "") {
            for (index, source) in (sources ?? []).enumerated() { add(field, kind, source, at: "\(path)[\(index)]") }
        }
        add(.image, .image, image)
        add(.endImage, .image, endImage)
        add(.audioTrack, .audio, audioTrack)
        add(.video, .video, video)
        add(.referenceImages, .image, referenceImages)
        add(.referenceVideos, .video, referenceVideos)
        add(.referenceAudios, .audio, referenceAudios)
        add(.referenceDocuments, .document, referenceDocuments)
        for (index, element) in (elements ?? []).enumerated() {
            add(.elements, .image, element.frontalImage, at: "[\(index)].frontal_image")
            add(.elements, .image, element.referenceImages, under: "[\(index)].reference_images")
            add(.elements, .video, element.video, at: "[\(index)].video")
        }
        add(.sceneImages, .image, sceneImages)
        for (index, frame) in (keyframes ?? []).enumerated() {
            add(.keyframes, .image, frame.image, at: "[\(index)].image")
        }
        for (index, reference) in (imageReferences ?? []).enumerated() {
            add(.imageReferences, .image, reference.image, at: "[\(index)].image")
        }
        for (index, reference) in (videoReferences ?? []).enumerated() {
            add(.videoReferences, .video, reference.video, at: "[\(index)].video")
            add(.videoReferences, .audio, reference.audio, at: "[\(index)].audio")
        }
        return parts
    }
}
