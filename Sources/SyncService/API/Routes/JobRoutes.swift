import Foundation
import JobLifecycle
import JobStore
import ObjectStorage
import VeniceTransport
import VideoModels

extension PhoneAPI {
    @Sendable func submit(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        guard let key = request.headers["idempotency-key"], (1...200).contains(key.utf8.count) else {
            throw Problem.malformed(
                "Idempotency-Key is needed, 1 to 200 bytes: a submission is paid, and must be safe to repeat")
        }
        var (submission, strangers) = try await request.decode(JobSubmission.self, keys: .submission)
        if let priority = submission.priority, priority.known == nil {
            strangers.append(
                Finding(
                    field: "priority", code: .notAllowed, message: "is not a priority", given: priority.word,
                    allowed: Job.Priority.allCases.map(\.rawValue)))
        }
        let hash = ContentHash(of: try Wire.encode(submission))
        let idempotency = IdempotencyKey(key: key, bodyHash: Data(hash.bytes))
        // Before validating: what was taken in once is not refused now because a model has left since.
        if strangers.isEmpty, let known = try await store.submitted(with: idempotency, user: user) {
            return try Self.answer(known, 200)
        }
        try await check(submission.request, of: user, besides: strangers)
        try await refuseFullQuota(of: user)
        let id = JobID(at: .nowInMicroseconds)
        let detail = try await store.submit(
            submission, id: id, user: user, account: accounts.account(forNew: id), key: idempotency)
        return try Self.answer(detail, detail.job.id == id ? 201 : 200)
    }

    private static func answer(_ detail: JobDetail, _ status: Int) throws -> APIResponse {
        .json(try Wire.encode(detail), status: status, headers: ["location": "/v1/jobs/\(detail.job.id)"])
    }

    @Sendable func job(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        .json(try Wire.encode(try await store.job(try request.id(JobID.self), user: user)))
    }

    @Sendable func cancel(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        try await move(request, user, by: .cancelRequested)
    }

    @Sendable func decide(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let (body, strangers) = try await request.decode(DecisionBody.self, keys: .decision)
        guard let decision = Decision(rawValue: body.decision) else {
            let finding = Finding(
                field: "decision", code: .notAllowed, message: "is not a choice", given: body.decision,
                allowed: Decision.allCases.map(\.rawValue))
            throw Problem.invalid(strangers + [finding])
        }
        guard strangers.isEmpty else { throw Problem.invalid(strangers) }
        return try await move(request, user, by: .decided(decision))
    }

    struct DecisionBody: Decodable {
        var decision: String

        enum CodingKeys: String, CodingKey, CaseIterable { case decision }
    }

    private func move(_ request: APIRequest, _ user: UserID, by event: JobEvent) async throws -> APIResponse {
        let detail = try await store.move(
            try request.id(JobID.self), user: user, by: event, policy: policy, at: .nowInMicroseconds)
        return .json(try Wire.encode(detail))
    }

    @Sendable func quote(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let (body, strangers) = try await request.decode(QuoteBody.self, keys: .quote)
        let model = try await check(body.request, of: user, besides: strangers)
        let assets = try await store.veniceAssets(of: body.request, user: user, objects: objects)
        let price: Money
        do throws(VeniceError) {
            price = try await accounts.first.quote(QuoteRequest(body.request, model: model, assets: assets))
        } catch {
            models.learn(from: error, about: model.id)
            throw error
        }
        let room = try await store.room(for: price, user: user)
        return .json(try Wire.encode(Quote(price: price, budget: room)))
    }

    struct QuoteBody: Decodable {
        var request: VideoRequest

        enum CodingKeys: String, CodingKey, CaseIterable { case request }
    }

    /// Refuses with every finding at once: the keys that nobody knows, the model's, and assets that are not this
    /// user's or not what they are for.
    @discardableResult
    private func check(
        _ request: VideoRequest, of user: UserID, besides strangers: [Finding]
    ) async throws -> VideoModel {
        let model: VideoModel
        switch models.find(request.model) {
        case .found(let found): model = found
        case .gone:
            let finding = Finding(
                field: "request.model", code: .unknownModel, message: "there is no such model; see GET /v1/models",
                given: request.model)
            throw Problem.invalid(strangers + [finding])
        case .notLoaded where !strangers.isEmpty: throw Problem.invalid(strangers)
        case .notLoaded:
            throw Problem(
                status: 503, code: .upstreamUnavailable, title: "The models are not known yet",
                detail: "Try again in a few seconds.")
        }
        var assets: [AssetID: Asset] = [:]
        for case .asset(let id) in request.media.prefix(VideoRequest.mostMedia).map(\.source) where assets[id] == nil {
            // One that is missing, or another user's, is left out: the check names its field.
            do {
                assets[id] = try await store.useAsset(id, user: user, for: configuration.assetRetention).object
            } catch StoreError.notFound { continue }
        }
        let findings = request.validate(against: model, assets: assets).map { finding in
            var finding = finding
            finding.field = "request.\(finding.field)"
            return finding
        }
        guard strangers.isEmpty, findings.isEmpty else { throw Problem.invalid(strangers + findings) }
        return model
    }

    @Sendable func listModels(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        .json(try Wire.encode(["models": models.all]))
    }
}

extension PostgresStore {
    /// The files of what a request names. An asset never changes, so it is there as long as its row.
    func veniceAssets(
        of request: VideoRequest, user: UserID, objects: any ObjectStore
    ) async throws -> VeniceAssets {
        var assets: VeniceAssets = [:]
        for case .asset(let id) in request.media.map(\.source) {
            // One that is missing is left out; the request then refuses with a finding that names its field.
            let stored: Stored<Asset>
            do { stored = try await asset(id, user: user) } catch StoreError.notFound { continue }
            let path: String
            do { path = try await objects.localFile(of: try ObjectKey(stored.key)) } catch ObjectStoreError.notFound {
                continue
            }
            assets[id] = .file(
                path: path, mimeType: stored.object.contentType, bytes: Int(stored.object.bytes))
        }
        return assets
    }
}
