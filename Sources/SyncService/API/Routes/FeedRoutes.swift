import JobStore
import VideoModels

extension PhoneAPI {
    @Sendable func changes(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        try request.allow(query: ["cursor", "limit", "wait"])
        let limit = try request.number("limit", in: 1...configuration.feedPageLimit, or: configuration.feedPageLimit)
        let wait = try request.number("wait", in: 0...Int(configuration.feedWaitLimit), or: 0)
        let cursor = try request.query("cursor").map { try Self.cursor($0, of: user) }
        let end = ContinuousClock.now + .seconds(wait)
        return try await hub.subscribed(user) { bell in
            while true {
                let page = try await store.changes(after: cursor, user: user, limit: limit)
                let left = ContinuousClock.now.duration(to: end)
                let hasNews = page.isSnapshot || !page.changes.isEmpty
                if hasNews || left <= .zero || request.drain.isSet || Task.isCancelled {
                    return .json(try Wire.encode(page), headers: ["Cache-Control": "no-store"])
                }
                await bell.wait(atMost: min(left, .seconds(configuration.feedPollInterval)))
            }
        }
    }

    private static func cursor(_ text: String, of user: UserID) throws(Problem) -> FeedCursor {
        do { return try FeedCursor(text, user: user) } catch {
            switch error {
            case .malformed:
                throw Problem(
                    status: 400, code: .cursorMalformed, title: "The cursor is not one of this server's",
                    detail: "Give back the cursor of the last page, unchanged, or none to start over.")
            case .foreign:
                throw Problem(
                    status: 400, code: .cursorForeign, title: "The cursor belongs to another user",
                    detail: "Ask without a cursor to start over as this user.")
            }
        }
    }
}
