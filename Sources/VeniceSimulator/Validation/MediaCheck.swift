import Foundation

/// Looks at one media input: a `data:` URL is decoded and its bytes are recognised, a web address is judged by its host.
enum MediaCheck {
    enum Kind: Sendable {
        case startImage, referenceImage, audio, video, document

        var isPicture: Bool { self == .startImage || self == .referenceImage }
    }

    enum Verdict: Equatable, Sendable {
        /// Usable; for a picture whose size could be read, width divided by height.
        case fine(ratio: Double?)
        /// 400.
        case unusable(String)
        /// 422.
        case outOfBounds(String)
    }

    /// The shortest side of a start or end frame, in pixels.
    static let shortestSide = 240

    /// - Parameters:
    ///   - ratio: the bounds of a picture's width divided by its height.
    ///   - otherPictures: whether the model also takes BMP, GIF, TIFF and HEIF.
    static func look(
        at url: String, as kind: Kind, ratio: ClosedRange<Double>?, otherPictures: Bool = false
    ) -> Verdict {
        if url.hasPrefix("data:") {
            guard let media = decode(url) else { return .unusable("Invalid data URL") }
            if otherPictures && kind.isPicture && media.mime.hasPrefix("image/")
                && MediaSniffer.isOtherPicture(media.bytes)
            {
                return .fine(ratio: nil)
            }
            return judge(media.bytes, mime: media.mime, as: kind, ratio: ratio)
        }
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
        else { return .unusable("Must be a URL (http/https) or a data URL") }
        guard PublicHost.isPublic(host) else { return .unusable("The URL points to a host that is not allowed") }
        return hosted(MediaMeasure(url), as: kind, ratio: ratio)
    }

    /// What a fetch of a hosted file would find.
    private static func hosted(
        _ measure: MediaMeasure, as kind: Kind, ratio bounds: ClosedRange<Double>?
    ) -> Verdict {
        if measure.isBroken { return .unusable("The file could not be read") }
        guard kind.isPicture, let ratio = measure.ratio else { return .fine(ratio: nil) }
        if kind == .startImage, min(measure.width ?? 0, measure.height ?? 0) < Double(shortestSide) {
            return .unusable("Image is too small. Minimum is \(shortestSide)x\(shortestSide) pixels")
        }
        return within(bounds, ratio)
    }

    private static func within(_ bounds: ClosedRange<Double>?, _ ratio: Double) -> Verdict {
        guard let bounds, !bounds.contains(ratio) else { return .fine(ratio: ratio) }
        return .outOfBounds("Image aspect ratio must be between \(bounds.lowerBound) and \(bounds.upperBound)")
    }

    static func decode(_ url: String) -> (mime: String, bytes: Data)? {
        guard let comma = url.firstIndex(of: ",") else { return nil }
        let head = url[url.index(url.startIndex, offsetBy: 5)..<comma].lowercased()
        guard head.hasSuffix(";base64"), let bytes = Data(base64Encoded: String(url[url.index(after: comma)...])),
            !bytes.isEmpty
        else { return nil }
        return (String(head.prefix { $0 != ";" }), bytes)
    }

    private static func judge(_ bytes: Data, mime: String, as kind: Kind, ratio: ClosedRange<Double>?) -> Verdict {
        switch kind {
        case .startImage, .referenceImage: return picture(bytes, mime: mime, kind, ratio)
        case .audio:
            guard mime.hasPrefix("audio/"), MediaSniffer.isAudio(bytes) else {
                return .unusable("Unsupported audio format. Supported: WAV, MP3")
            }
            return .fine(ratio: nil)
        case .video:
            guard mime.hasPrefix("video/"), MediaSniffer.isVideo(bytes) else {
                return .unusable("Unsupported video format. Supported: MP4, MOV, WebM, MKV, AVI")
            }
            return .fine(ratio: nil)
        case .document: return .fine(ratio: nil)
        }
    }

    private static func picture(
        _ bytes: Data, mime: String, _ kind: Kind, _ bounds: ClosedRange<Double>?
    ) -> Verdict {
        guard mime.hasPrefix("image/"), let size = MediaSniffer.pictureSize(bytes) else {
            return .unusable("Image is corrupted or in an unsupported format. Supported: JPEG, PNG, WebP")
        }
        guard size.width > 0, size.height > 0 else { return .unusable("Image is corrupted") }
        if kind == .startImage && min(size.width, size.height) < shortestSide {
            return .unusable("Image is too small. Minimum is \(shortestSide)x\(shortestSide) pixels")
        }
        return within(bounds, Double(size.width) / Double(size.height))
    }
}

/// Whether a host may be fetched from: no loopback, private, link-local or metadata address. Names are not resolved.
enum PublicHost {
    static func isPublic(_ host: String) -> Bool {
        let bare = host.trimmingCharacters(in: CharacterSet(charactersIn: "[].")).lowercased()
        if bare.contains(":") { return isPublicIPv6(bare) }
        if let bytes = ipv4(bare) { return isPublicIPv4(bytes) }
        let local = ["localhost", "local", "internal", "localdomain", "home", "lan"]
        return bare.contains(".") && !local.contains { bare == $0 || bare.hasSuffix(".\($0)") }
    }

    private static func ipv4(_ text: String) -> [UInt8]? {
        var address = in_addr()
        // inet_aton, not inet_pton: `127.1` and `2130706433` reach the same machine.
        guard inet_aton(text, &address) == 1 else { return nil }
        return withUnsafeBytes(of: address) { Array($0) }
    }

    private static func isPublicIPv4(_ bytes: [UInt8]) -> Bool {
        switch (bytes[0], bytes[1]) {
        case (0, _), (10, _), (127, _), (169, 254), (192, 168), (224..., _): false
        case (100, 64...127), (172, 16...31), (198, 18...19): false
        default: true
        }
    }

    private static func isPublicIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        guard inet_pton(AF_INET6, String(text.prefix { $0 != "%" }), &address) == 1 else { return false }
        let bytes = withUnsafeBytes(of: address) { Array($0) }
        if bytes[0..<10].allSatisfy({ $0 == 0 }) && bytes[10] == 0xFF && bytes[11] == 0xFF {
            return isPublicIPv4(Array(bytes[12...]))
        }
        // Global unicast only: this leaves out ::, ::1, fc00::/7, fe80::/10 and multicast.
        return bytes[0] & 0xE0 == 0x20
    }
}
