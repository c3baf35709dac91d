public import VideoModels

/// A piece of media as a request carries it.
public enum VeniceMedia: Sendable, Hashable {
    /// A public address that the upstream fetches.
    case url(String)
    /// A file here, sent as a `data:` URL and read only while it is sent. It must keep its size until then.
    case file(path: String, mimeType: String, bytes: Int)

    /// How many bytes of a request's body this takes.
    var bodyBytes: Int {
        switch self {
        case .url(let url): url.utf8.count
        case .file(_, let mimeType, let bytes): (bytes + 2) / 3 * 4 + mimeType.utf8.count + 13
        }
    }
}

/// Where the files of a request's assets lie.
public typealias VeniceAssets = [AssetID: VeniceMedia]

/// The media of a request, each source replaced by what the upstream can take.
struct ResolvedMedia {
    var image: VeniceMedia?
    var endImage: VeniceMedia?
    var audioTrack: VeniceMedia?
    var video: VeniceMedia?
    var referenceImages: [VeniceMedia] = []

    /// What one request's body may hold (PROTOCOL §1); more is refused with 413.
    static let largestBody = 35_000_000

    /// - Throws: `invalid`, with a finding for each asset that is not among `assets`, and one if all is too much.
    init(_ request: VideoRequest, assets: VeniceAssets) throws(VeniceError) {
        var findings: [Finding] = []
        func resolve(_ field: String, _ source: MediaSource?) -> VeniceMedia? {
            switch source {
            case nil: return nil
            case .url(let url): return .url(url)
            case .asset(let id):
                if let media = assets[id] { return media }
                findings.append(Finding(field: field, code: .notFound, message: "no such asset", given: id.description))
                return nil
            }
        }
        image = resolve("image", request.image)
        endImage = resolve("end_image", request.endImage)
        audioTrack = resolve("audio_track", request.audioTrack)
        video = resolve("video", request.video)
        for (index, source) in (request.referenceImages ?? []).enumerated() {
            if let media = resolve("reference_images[\(index)]", source) { referenceImages.append(media) }
        }
        let all = [image, endImage, audioTrack, video].compactMap { $0 } + referenceImages
        let bytes = all.reduce(0) { $0 + $1.bodyBytes }
        if bytes > Self.largestBody - 200_000 {
            let message = "the media take \(bytes) bytes of a request, and \(Self.largestBody) is all it may have"
            findings.append(Finding(field: request.media.first?.field ?? "media", code: .tooLong, message: message))
        }
        if !findings.isEmpty { throw .invalid(findings, VeniceEvidence(endpoint: .queue, message: "not sent")) }
    }
}
