import Foundation
import VideoModels

/// Replaces the sources of a request by what the upstream can take, and collects everything that is wrong with them.
///
/// Files are looked at, not read: they must be there, have the size they had, and be of a type and size that the field takes.
struct MediaResolver {
    let model: VideoModel
    let assets: VeniceAssets
    private(set) var findings: [Finding] = []
    private var bytes = 0
    private var largest: (field: String, bytes: Int)?

    /// What one request's body may hold (PROTOCOL §1); more is refused with 413. Some of it is for all that is no media.
    static let largestBody = 35_000_000
    private static let reserve = 200_000

    init(_ model: VideoModel, _ assets: VeniceAssets) {
        self.model = model
        self.assets = assets
    }

    /// - Parameter path: Where the source stands in the request, for findings.
    mutating func resolve(_ path: String, _ source: MediaSource?, as kind: MediaKind) -> BodyValue? {
        guard let source, let media = find(path, source) else { return nil }
        if case .file(let file, let type, let size) = media {
            check(path, file, size)
            check(path, type, size, as: kind)
        }
        bytes += media.bodyBytes
        if media.bodyBytes > largest?.bytes ?? 0 { largest = (path, media.bodyBytes) }
        return .media(media)
    }

    mutating func resolve(_ path: String, _ sources: [MediaSource]?, as kind: MediaKind) -> [BodyValue] {
        (sources ?? []).enumerated().compactMap { resolve("\(path)[\($0)]", $1, as: kind) }
    }

    /// - Throws: `invalid` with every finding; nothing has been sent.
    mutating func finish(_ endpoint: VeniceEndpoint) throws(VeniceError) {
        if bytes > Self.largestBody - Self.reserve {
            let message = "the media take \(bytes) bytes of a request, and \(Self.largestBody) is all it may have"
            add(largest?.field ?? "media", .tooLong, message)
        }
        if !findings.isEmpty { throw .unsendable(endpoint, findings) }
    }

    mutating func add(_ path: String, _ code: Finding.Code, _ message: String, given: String? = nil) {
        findings.append(Finding(field: path, code: code, message: message, given: given))
    }

    private mutating func find(_ path: String, _ source: MediaSource) -> VeniceMedia? {
        switch source {
        case .url(let url): return .url(url)
        case .asset(let id):
            if let media = assets[id] { return media }
            add(path, .notFound, "no such asset", given: id.description)
            return nil
        }
    }

    private mutating func check(_ path: String, _ file: String, _ size: Int) {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file)
        switch (attributes?[.size] as? NSNumber)?.intValue {
        case nil: add(path, .notFound, "the asset's file is not there")
        case size: break
        case .some: add(path, .malformed, "the asset's file has another size than it had")
        }
    }

    private mutating func check(_ path: String, _ type: String, _ size: Int, as kind: MediaKind) {
        let types = kind.types(of: model)
        if types.isEmpty {
            add(path, .notSupported, "a \(kind) goes as a public address, not as a file")
        } else if !types.contains(type.lowercased()) {
            findings.append(
                Finding(
                    field: path, code: .notAllowed, message: "not a type of \(kind) that is taken", given: type,
                    allowed: types))
        }
        if size == 0 { add(path, .malformed, "the asset is empty") }
        let field = String(path.prefix { $0 != "[" })
        if let most = model.inputs[field]?.mostBytes ?? kind.mostBytes, size > most {
            add(path, .tooLong, "\(size) bytes, at most \(most) are taken")
        }
    }
}
