import JobStore
import VideoModels

// Deleting, and taking it back. What a phone deletes is gone from the feed at once and from the disk when the grace is over.
extension PhoneAPI {
    @Sendable func deleteJob(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        try await delete(.job(try request.id(JobID.self)), user)
    }

    @Sendable func deleteVideo(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        try await delete(.video(try request.id(VideoID.self)), user)
    }

    @Sendable func undeleteJob(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        try await undelete(.job(try request.id(JobID.self)), user)
    }

    @Sendable func undeleteVideo(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        try await undelete(.video(try request.id(VideoID.self)), user)
    }

    private func delete(_ object: Deletable, _ user: UserID) async throws -> APIResponse {
        .json(try Wire.encode(try await store.delete(object, user: user, grace: configuration.retention.grace)))
    }

    private func undelete(_ object: Deletable, _ user: UserID) async throws -> APIResponse {
        .json(try Wire.encode(try await store.undelete(object, user: user, grace: configuration.retention.grace)))
    }

    /// Refuses what would not be kept: the user's quota is full, and its rule removes nothing by itself.
    func refuseFullQuota(of user: UserID) async throws {
        guard let full = try await store.fullQuota(of: user, orElse: configuration.retention.keeping) else { return }
        throw Problem(
            status: 409, code: .quotaExceeded, title: "There is no room for another video",
            detail: "The videos have \(SizeText.rounded(full.kept)) and may have \(SizeText.rounded(full.quota)). "
                + "Delete some first.")
    }
}
