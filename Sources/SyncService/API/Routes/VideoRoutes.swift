import Foundation
import JobStore
import ObjectStorage
import VideoModels

extension PhoneAPI {
    var delivery: ContentDelivery {
        ContentDelivery(
            objects: objects, way: configuration.storageDelivery, linkLifetime: configuration.storageLinkLifetime)
    }

    /// A finished video, whole or in ranges. Its bytes never change, so a phone may keep them for good.
    @Sendable func content(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let isAttachment = try request.wantsAttachment()
        let file = try await store.videoFile(try request.id(VideoID.self), user: user)
        return try await delivery.answer(StoredContent(file, isAttachment: isAttachment), for: request)
    }
}

extension StoredContent {
    init(_ file: VideoFile, isAttachment: Bool) throws {
        let video = file.video
        self.init(
            key: try ObjectKey(file.key), type: video.contentType, bytes: video.bytes,
            sha256: video.sha256, modified: video.createdAt,
            disposition: ContentDisposition(
                title: file.prompt, fallback: "\(video.model) \(Self.minute(video.createdAt))", type: video.contentType,
                isAttachment: isAttachment))
    }

    /// `2026-11-21 09.30`, in UTC: a colon is no sign for a file's name.
    static func minute(_ date: Date) -> String {
        let text = date.ISO8601Format()
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(2)).\(text.dropFirst(14).prefix(2))"
    }
}

extension APIRequest {
    /// `?download=1`: to be kept as a file, not shown.
    func wantsAttachment() throws(Problem) -> Bool {
        try allow(query: ["download"])
        return try number("download", in: 0...1, or: 0) == 1
    }
}
