// The addresses and files that a request names.

extension RequestCheck {
    mutating func checkAddresses() {
        let parts = request.mediaParts
        if parts.count > VideoRequest.mostMedia {
            let message = "\(parts.count) pieces of media, at most \(VideoRequest.mostMedia) are taken in all"
            add(parts[VideoRequest.mostMedia].field, .tooMany, message, given: "\(parts.count)")
        }
        for part in parts {
            guard case .url(let url) = part.source, !PublicAddress.isPublic(url) else { continue }
            add("\(part.path).url", .malformed, "not a public http(s) address", given: url)
        }
    }

    /// Each asset is there, is what its field is for, and is not too large.
    mutating func checkAssets(_ assets: [AssetID: Asset]) {
        for part in request.mediaParts {
            guard case .asset(let id) = part.source else { continue }
            guard let asset = assets[id] else {
                add(part.path, .notFound, "there is no such asset", given: id.description)
                continue
            }
            if !part.kind.takes(asset.contentType) {
                let allowed = part.kind.usualTypes
                add(part.path, .notAllowed, "not \(part.kind.words)", given: asset.contentType, allowed: allowed)
            } else if let most = mostBytes(of: part), asset.bytes > most {
                add(part.path, .tooLarge, "\(asset.bytes) bytes, the model takes \(most)", given: "\(asset.bytes)")
            }
        }
    }

    private func mostBytes(of part: MediaPart) -> Int? {
        // PROTOCOL §4, §14: no sound may be larger, wherever it stands.
        model[part.field]?.mostBytes ?? (part.kind == .audio ? ReferenceCaps.audioBytes : nil)
    }
}

extension VideoRequest {
    /// More media than any model takes in one request; a bound for whoever looks each of them up.
    public static let mostMedia = 200
}

extension MediaPart.Kind {
    /// Content types that every model takes; nil where there is no such list.
    var usualTypes: [String]? {
        switch self {
        case .image: ["image/jpeg", "image/png", "image/webp"]
        case .audio: ["audio/mpeg", "audio/wav"]
        case .video: ["video/mp4", "video/quicktime", "video/webm"]
        case .document: nil
        }
    }

    /// Some models take further kinds of pictures and clips (PROTOCOL §14), so only sounds are held to their list.
    func takes(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" }.lowercased()
        switch self {
        case .image: return type.hasPrefix("image/")
        case .audio: return ["mpeg", "mp3", "wav", "x-wav", "wave", "vnd.wave"].contains { type == "audio/\($0)" }
        case .video: return type.hasPrefix("video/")
        case .document: return !["image/", "audio/", "video/"].contains { type.hasPrefix($0) }
        }
    }

    var words: String {
        switch self {
        case .image: "a picture"
        case .audio: "a sound as WAV or MP3"
        case .video: "a clip"
        case .document: "a document"
        }
    }
}
