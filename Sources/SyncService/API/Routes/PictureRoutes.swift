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

    /// A picture of a video that lives.
    private func picture(_ kind: PictureKind, _ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let isAttachment = try request.wantsAttachment()
        let file = try await store.picture(of: try request.id(VideoID.self), kind, user: user)
        let (type, sha256) = (file.picture.contentType, file.picture.sha256)
        return try await delivery.answer(
            StoredContent(
                key: try ObjectKey(file.key), type: type, bytes: file.picture.bytes, sha256: sha256,
                modified: file.createdAt,
                disposition: ContentDisposition(
                    title: nil, fallback: "\(kind.rawValue) \(StoredContent.minute(file.createdAt))", type: type,
                    isAttachment: isAttachment)),
            for: request)
    }
}
