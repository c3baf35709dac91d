import JobStore
import NIOCore
import ObjectStorage
import VideoModels

extension PhoneAPI {
    /// A finished video, whole or in ranges. Its bytes never change, so a phone may keep them for good.
    @Sendable func content(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let video = try await store.video(try request.id(VideoID.self), user: user)
        let key = try ObjectKey(video.key)
        let look = LinkPresentation(
            contentType: video.object.contentType, cacheControl: "private, max-age=31536000, immutable",
            disposition: "inline; filename=\"\(video.object.id).mp4\"")
        let tag = EntityTag(video.object.sha256)
        let lifetime = Duration.seconds(configuration.storageLinkLifetime)
        if configuration.storageDelivery == .redirect, request.method == .get,
            let link = objects.temporaryLink(to: key, for: lifetime, as: look)
        {
            return .redirect(to: link, tag: tag, for: request)
        }
        let reader = try await objects.open(key, range: nil)
        let headers: APIHeaders = ["cache-control": look.cacheControl, "content-disposition": look.disposition]
        return .content(reader, tag: tag, type: look.contentType, headers: headers, for: request)
    }
}
