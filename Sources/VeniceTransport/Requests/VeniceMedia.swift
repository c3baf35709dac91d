public import VideoModels

/// A piece of media as a request carries it.
public enum VeniceMedia: Sendable, Hashable {
    /// A public address that the upstream fetches.
    case url(String)
    /// A file here, sent as a `data:` URL and read only while it is sent. It must keep its size until then.
    case file(path: String, mimeType: String, bytes: Int)

    /// How many bytes of a request's body this takes; base64 adds a third to a file.
    var bodyBytes: Int {
        switch self {
        case .url(let url): url.utf8.count
        case .file(_, let mimeType, let bytes): (bytes + 2) / 3 * 4 + mimeType.utf8.count + 13
        }
    }
}

/// Where the files of a request's assets lie.
public typealias VeniceAssets = [AssetID: VeniceMedia]

/// What a field holds, and which files it takes (PROTOCOL §14).
enum MediaKind: String, Sendable, CaseIterable {
    case image, audio, video, document

    /// The largest file where the model names no other limit; nil where only the body's own limit holds.
    var mostBytes: Int? {
        switch self {
        case .image: 20 << 20
        case .audio: 15 << 20
        case .video, .document: nil
        }
    }

    /// The types that a `data:` URL may name. None: the field takes an address alone.
    func types(of model: VideoModel) -> [String] {
        switch self {
        case .image: model.takesAllPictures ? Self.pictures + Self.morePictures : Self.pictures
        case .audio: ["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/mpeg", "audio/mp3"]
        case .video: ["video/mp4", "video/quicktime", "video/webm", "video/x-matroska", "video/x-msvideo"]
        // 100 MB would be far more than a request's body may hold.
        case .document: []
        }
    }

    private static let pictures = ["image/jpeg", "image/png", "image/webp"]
    private static let morePictures = ["image/bmp", "image/tiff", "image/gif", "image/heic", "image/heif"]
}

extension VideoModel {
    /// Beside the usual pictures also BMP, TIFF, GIF, HEIC and HEIF.
    fileprivate var takesAllPictures: Bool { id.hasPrefix("seedance-") }
}
