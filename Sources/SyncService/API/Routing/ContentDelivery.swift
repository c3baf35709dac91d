import Foundation
import ObjectStorage
import VideoModels

/// Stored bytes as they are served: a video, a poster, a preview.
struct StoredContent: Sendable {
    var key: ObjectKey
    var type: String
    var bytes: Int64
    /// SHA-256 in hexadecimal.
    var sha256: String
    /// When the bytes came to be. They never change.
    var modified: Date
    var disposition: ContentDisposition
    /// Bytes that never change may be kept for good, by the client alone.
    var cacheControl = "private, max-age=31536000, immutable"
    /// Nobody may see them after this.
    var visibleUntil: Date?
    var headers: APIHeaders = [:]
}

/// Brings stored bytes to a client: from here, or by a link to the object service where the deployment says so.
struct ContentDelivery: Sendable {
    var objects: any ObjectStore
    var way: Configuration.StorageDelivery
    /// How long a link to the service is good for.
    var linkLifetime: TimeInterval

    /// Answers a `GET` or `HEAD`.
    func answer(_ content: StoredContent, for request: APIRequest) async throws -> APIResponse {
        let state = Validators(tag: EntityTag(content.sha256), modified: content.modified)
        if way == .redirect, request.method == .get, let link = link(to: content) {
            return .redirect(to: link, state, headers: content.headers, for: request)
        }
        return Self.answer(content, from: try await open(content), for: request)
    }

    /// The object, if it is what the database names.
    func open(_ content: StoredContent) async throws -> ObjectReader {
        let reader = try await objects.open(content.key, range: nil)
        try Self.check(reader.info, content)
        return reader
    }

    static func answer(_ content: StoredContent, from reader: ObjectReader, for request: APIRequest) -> APIResponse {
        let state = Validators(tag: EntityTag(content.sha256), modified: content.modified)
        var headers = content.headers
        headers["cache-control"] = content.cacheControl
        headers["content-disposition"] = content.disposition.value
        return .content(reader, state, type: content.type, headers: headers, for: request)
    }

    /// Clients keep bytes for good under the hash that the database names, so others are not given out by it: what is there
    /// has been damaged, or is just being replaced.
    private static func check(_ info: ObjectInfo, _ content: StoredContent) throws(ContentMismatch) {
        let hash = info.sha256?.hex ?? content.sha256
        guard info.bytes == content.bytes, hash == content.sha256 else {
            throw ContentMismatch(key: content.key, bytes: info.bytes, sha256: hash)
        }
    }

    private func link(to content: StoredContent) -> Redacted<String>? {
        let look = LinkPresentation(
            contentType: content.type, cacheControl: content.cacheControl, disposition: content.disposition.value)
        let left = content.visibleUntil.map { $0.timeIntervalSinceNow } ?? .infinity
        let lifetime = Duration.seconds(min(linkLifetime, max(1, left)))
        return objects.temporaryLink(to: content.key, for: lifetime, as: look)
    }
}

/// What is stored is not what the database names.
struct ContentMismatch: Error, Hashable {
    var key: ObjectKey
    var bytes: Int64
    var sha256: String
}
