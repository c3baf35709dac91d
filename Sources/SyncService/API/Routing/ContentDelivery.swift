import Foundation
import ObjectStorage
import VideoModels

/// Stored bytes as they are served: a video, a poster, a preview.
struct StoredContent: Sendable {
    var key: ObjectKey
    var type: String
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
        let reader = try await objects.open(content.key, range: nil)
        var headers = content.headers
        headers["cache-control"] = content.cacheControl
        headers["content-disposition"] = content.disposition.value
        return .content(reader, state, type: content.type, headers: headers, for: request)
    }

    private func link(to content: StoredContent) -> Redacted<String>? {
        let look = LinkPresentation(
            contentType: content.type, cacheControl: content.cacheControl, disposition: content.disposition.value)
        let left = content.visibleUntil.map { $0.timeIntervalSinceNow } ?? .infinity
        let lifetime = Duration.seconds(min(linkLifetime, max(1, left)))
        return objects.temporaryLink(to: content.key, for: lifetime, as: look)
    }
}
