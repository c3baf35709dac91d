import Foundation
import JobStore
import NIOCore
import VideoModels

extension PhoneAPI {
    /// The parts of a link's path; what follows is the link.
    static let linkPath = "/v1/links/"

    /// Makes a link to a video for a player that cannot send a token.
    @Sendable func makeLink(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let lifetime = try await linkLifetime(request)
        let file = try await store.videoFile(try request.id(VideoID.self), user: user)
        let expiry = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 + lifetime).rounded(.down))
        let signed = linkKeys.sign(LinkKeys.Link(user: user, video: file.video.id, expiresAt: expiry))
        // To the phone that may see the video, and nowhere else.
        let link = VideoLink(url: Self.linkPath + signed.reveal(), expiresAt: expiry)
        return .json(try Wire.encode(link), status: 201, headers: ["cache-control": "no-store"])
    }

    /// An empty body asks for what is usual.
    private func linkLifetime(_ request: APIRequest) async throws -> TimeInterval {
        let most = configuration.linkLifetimeLimit
        let usual = min(3600, most)
        if request.body.length == 0 { return usual }
        let (body, strangers) = try await request.decode(LinkBody.self, keys: .link)
        guard let wanted = body.expiresIn else {
            guard strangers.isEmpty else { throw Problem.invalid(strangers) }
            return usual
        }
        guard (1...Int(most)).contains(wanted) else {
            let finding = Finding(
                field: "expires_in", code: .outOfRange, message: "must be from 1 to \(Int(most)) seconds",
                given: "\(wanted)")
            throw Problem.invalid(strangers + [finding])
        }
        guard strangers.isEmpty else { throw Problem.invalid(strangers) }
        return TimeInterval(wanted)
    }

    struct LinkBody: Decodable {
        var expiresIn: Int?

        enum CodingKeys: String, CodingKey, CaseIterable { case expiresIn = "expires_in" }
    }

    /// Opens a link: whoever has it sees the one video, until it expires, the video is deleted or its user is gone.
    @Sendable func openLink(_ request: APIRequest) async throws -> APIResponse {
        guard let link = request.parameters["link"].flatMap(linkKeys.read) else { throw Problem.notFound }
        let left = link.expiresAt.timeIntervalSinceNow
        guard left > 0 else {
            throw Problem(
                status: 410, code: .linkExpired, title: "The link has expired",
                detail: "Ask for a new one with POST /v1/videos/{id}/link.")
        }
        let isAttachment = try request.wantsAttachment()
        var content = try StoredContent(
            try await store.videoFile(link.video, user: link.user), isAttachment: isAttachment)
        content.cacheControl = "private, max-age=\(Int(left)), immutable"
        content.visibleUntil = link.expiresAt
        // The address is the secret: no page that the player shows may hand it on.
        content.headers = ["referrer-policy": "no-referrer"]
        return try await delivery.answer(content, for: request)
    }
}

extension APIRequest {
    /// The path as it may stand in a log: a signed link's opens a video for whoever reads it.
    var loggedPath: String {
        let segments = path.split(separator: "/", omittingEmptySubsequences: true)
        let isLink = segments.contains { percentDecoded($0) == "links" }
        return isLink ? PhoneAPI.linkPath + "‹redacted›" : path
    }
}
