import Foundation
import JobLifecycle
import JobStore
import Logging
import ObjectStorage
import VideoModels

/// The phone's API: every route, and who may ask. `docs/openapi.yaml` describes it for clients.
struct PhoneAPI: Sendable {
    var store: PostgresStore
    var storage: Storage
    var objects: any ObjectStore { storage.objects }
    var models: ModelDirectory
    var accounts: Accounts
    var linkKeys: LinkKeys
    var hub: FeedHub
    var policy: JobPolicy
    var configuration: Configuration
    var log: Logger

    /// A handler that knows who asks.
    typealias UserHandler = @Sendable (APIRequest, UserID) async throws -> APIResponse

    var router: Router {
        var router = Router { error, request in .problem(Problem(error, request: request, log: log)) }
        add(to: &router, "GET", "/v1/changes", whenVisible(changes))
        add(to: &router, "GET", "/v1/changes/digest", whenVisible(digest))
        add(to: &router, "POST", "/v1/jobs", submit)
        add(to: &router, "GET", "/v1/jobs/{id}", whenVisible(job))
        add(to: &router, "POST", "/v1/jobs/{id}/cancel", cancel)
        add(to: &router, "POST", "/v1/jobs/{id}/decision", decide)
        add(to: &router, "POST", "/v1/quotes", quote)
        add(to: &router, "GET", "/v1/models", listModels)
        add(to: &router, "POST", "/v1/assets", upload)
        add(to: &router, "GET", "/v1/assets", listAssets)
        add(to: &router, "GET", "/v1/assets/{id}", asset)
        add(to: &router, "DELETE", "/v1/assets/{id}", deleteAsset)
        add(to: &router, "OPTIONS", "/v1/uploads", tus(uploadOptions))
        add(to: &router, "POST", "/v1/uploads", tus(createUpload))
        add(to: &router, "HEAD", "/v1/uploads/{id}", tus(uploadState))
        add(to: &router, "PATCH", "/v1/uploads/{id}", tus(appendToUpload))
        add(to: &router, "DELETE", "/v1/uploads/{id}", tus(endUpload))
        add(to: &router, "POST", "/v1/uploads/{id}", tus(overrideUpload))
        add(to: &router, "GET", "/v1/videos/{id}/content", content)
        add(to: &router, "POST", "/v1/videos/{id}/link", makeLink)
        // The link itself says who may.
        router.add("GET", Self.linkPath + "{link}", openLink)
        add(to: &router, "GET", "/v1/videos/{id}/poster", poster)
        add(to: &router, "GET", "/v1/videos/{id}/preview", preview)
        add(to: &router, "DELETE", "/v1/videos/{id}", deleteVideo)
        add(to: &router, "POST", "/v1/videos/{id}/undelete", undeleteVideo)
        add(to: &router, "DELETE", "/v1/jobs/{id}", deleteJob)
        add(to: &router, "POST", "/v1/jobs/{id}/undelete", undeleteJob)
        return router
    }

    private func add(to router: inout Router, _ method: APIMethod, _ path: String, _ handler: @escaping UserHandler) {
        router.add(method, path) { request in
            guard let user = try await authenticate(request) else { return .unauthenticated(request) }
            return try await handler(request, user)
        }
    }

    private func authenticate(_ request: APIRequest) async throws -> UserID? {
        let parts = (request.headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer", parts[1].utf8.count <= 200 else { return nil }
        return try await store.authenticate(Redacted(String(parts[1])))?.user
    }
}

extension APIResponse {
    fileprivate static func unauthenticated(_ request: APIRequest) -> APIResponse {
        let problem = Problem(
            status: 401, code: .unauthenticated, title: "A valid device token is needed",
            detail: "Send Authorization: Bearer and the token of this device.")
        return .problem(problem, headers: ["www-authenticate": "Bearer"], for: request)
    }
}
