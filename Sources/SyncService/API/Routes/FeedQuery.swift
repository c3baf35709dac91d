import JobStore
import VideoModels

/// What a request to `GET /v1/changes` asks for.
struct FeedQuery: Sendable {
    enum Form: String, Sendable, CaseIterable {
        case page = "application/json"
        case stream = "text/event-stream"
    }

    var form: Form
    var cursor: FeedCursor?
    var limit: Int
    /// How long a page may be waited for.
    var wait: Duration

    init(_ request: APIRequest, user: UserID, _ configuration: Configuration) throws(Problem) {
        try request.allow(query: ["cursor", "limit", "wait", "wait_for"])
        form = try Self.form(request)
        limit = try request.number("limit", in: 1...configuration.feedPageLimit, or: configuration.feedPageLimit)
        // Phones have their number built in: one that is more than this server grants gets what it grants.
        let longest = Int(configuration.feedWaitLimit)
        wait = .seconds(min(longest, try request.number("wait", in: 0...max(600, longest), or: 0)))
        guard form == .page || request.query("wait") == nil else {
            throw .malformed("wait is for pages; a stream goes on by itself")
        }
        // A stream that was cut says itself where it was; the address that it was opened with is older.
        let last = form == .stream ? request.headers["last-event-id"] : nil
        let text = last.flatMap { $0.isEmpty ? nil : $0 } ?? request.query("cursor")
        cursor = try text.map { text throws(Problem) in try Self.cursor(text, of: user) }
    }

    private static func form(_ request: APIRequest) throws(Problem) -> Form {
        let offers = Form.allCases.map(\.rawValue)
        guard let form = AcceptedTypes(request.headers).best(of: offers).flatMap(Form.init(rawValue:)) else {
            throw Problem(
                status: 406, code: .notAcceptable, title: "The feed comes in other forms",
                detail: "Send Accept with \(offers.joined(separator: " or ")).")
        }
        return form
    }

    private static func cursor(_ text: String, of user: UserID) throws(Problem) -> FeedCursor {
        let result = Result { () throws(FeedCursor.Invalid) in try FeedCursor(text, user: user) }
        switch result {
        case .success(let cursor): return cursor
        case .failure(.malformed):
            throw Problem(
                status: 400, code: .cursorMalformed, title: "The cursor is not one of this server's",
                detail: "Give back the cursor of the last page, unchanged, or none to start over.")
        case .failure(.foreign):
            throw Problem(
                status: 400, code: .cursorForeign, title: "The cursor belongs to another user",
                detail: "Ask without a cursor to start over as this user.")
        }
    }
}
