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
        let (id, isAttachment) = (try request.id(VideoID.self), try request.wantsAttachment())
        let ticket = hub.videos.ticket(for: user)
        let content = try StoredContent(try await store.videoFile(id, user: user), isAttachment: isAttachment)
        guard !isAttachment, delivery.way == .proxy else { return try await delivery.answer(content, for: request) }
        let reader = try await delivery.open(content)
        if reader.file != nil { hub.videos.keep(id, of: user, ticket) { OpenVideo(content: content, reader: reader) } }
        return ContentDelivery.answer(content, from: reader, for: request)
    }

    /// The next piece for a player, from a file that is open already; nil for everything else.
    func contentAtOnce(_ request: APIRequest) -> APIResponse? {
        let (head, tail) = ("/v1/videos/", "/content")
        guard request.method == .get, request.query.isEmpty, request.path.utf8.count == head.count + 36 + tail.count,
            request.path.hasPrefix(head), request.path.hasSuffix(tail),
            let id = VideoID(String(request.path.dropFirst(head.count).dropLast(tail.count)))
        else { return nil }
        return door.passAtOnce(request, needs: .read) { caller in
            guard let open = hub.videos.value(id, of: caller.user) else { return nil }
            return ContentCoding.packed(
                ContentDelivery.answer(open.content, from: open.reader, for: request), for: request)
        }
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
