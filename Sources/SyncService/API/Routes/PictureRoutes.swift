import JobStore
import ObjectStorage
import VideoModels

extension PhoneAPI {
    @Sendable func poster(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        try await picture(.poster, request, user)
    }

    @Sendable func preview(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        try await picture(.preview, request, user)
    }

    /// A picture of a video that lives. Small, so it always goes through here.
    private func picture(_ kind: PictureKind, _ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let picture = try await store.picture(of: try request.id(VideoID.self), kind, user: user)
        let reader = try await objects.open(try ObjectKey(picture.key), range: nil)
        return .content(
            reader, tag: EntityTag(picture.object.sha256), type: picture.object.contentType,
            headers: ["cache-control": "private, max-age=31536000, immutable"], for: request)
    }
}
