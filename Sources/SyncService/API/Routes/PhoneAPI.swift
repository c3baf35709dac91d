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
    var door: Door
    var policy: JobPolicy
    var configuration: Configuration
    var metrics = ServiceMetrics()
    var log: Logger

    /// A handler that needs no more than to know whose things it is about.
    typealias UserHandler = @Sendable (APIRequest, UserID) async throws -> APIResponse

    var router: Router {
        var router = Router(answeringErrors: fail)
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
        add(to: &router, "OPTIONS", "/v1/uploads", needs: .read, tus(uploadOptions))
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
        add(to: &router, "GET", "/v1/me", me)
        add(to: &router, "GET", "/v1/me/devices", listDevices)
        add(to: &router, "GET", "/v1/me/devices/{id}", device)
        add(to: &router, "DELETE", "/v1/me/devices/{id}", needs: .read, removeDevice)
        return router
    }

    /// What can be answered from memory; nil for everything else.
    @Sendable func answerAtOnce(_ request: APIRequest) -> APIResponse? {
        changesAtOnce(request) ?? contentAtOnce(request)
    }

    /// A route that is open to devices alone. To look takes the scope `read` and everything else `submit`, unless it says
    /// otherwise.
    func add(
        to router: inout Router, _ method: APIMethod, _ path: String, needs scope: Scope? = nil,
        _ handler: @escaping Door.Handler
    ) {
        let needed = scope ?? (method == .get ? .read : .submit)
        router.add(method, path) { request in
            try await door.pass(request, needs: needed, to: handler, fail: fail)
        }
    }

    func add(
        to router: inout Router, _ method: APIMethod, _ path: String, needs scope: Scope? = nil,
        _ handler: @escaping UserHandler
    ) {
        add(to: &router, method, path, needs: scope) { request, caller in try await handler(request, caller.user) }
    }

    @Sendable private func fail(_ error: any Error, _ request: APIRequest) -> APIResponse {
        .problem(Problem(error, request: request, log: log), for: request)
    }
}

extension PhoneAPI {
    init(_ parts: ServiceParts) {
        self.init(
            store: parts.store, storage: parts.storage, models: parts.models, accounts: parts.accounts,
            linkKeys: parts.linkKeys, hub: parts.hub, door: parts.door, policy: parts.policy,
            configuration: parts.configuration, metrics: parts.metrics, log: parts.log)
    }
}
