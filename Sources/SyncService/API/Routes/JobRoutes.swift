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
            return try Self.answer(known, isRepeated: true)
        }
        try await check(submission.request, of: user, besides: strangers)
        try await refuseFullQuota(of: user)
        // The checks took a while. From here on it may cost money.
        try request.body.checkSender()
        let id = JobID(at: .nowInMicroseconds)
        let detail = try await store.submit(
            submission, id: id, user: user, account: accounts.account(forNew: id), key: idempotency)
        if detail.job.id == id {
            metrics.accepted.add()
            // Joins what the log says of the request to what it says of the job.
            log.info("job accepted", metadata: ["job_id": "\(id)"])
        }
        return try Self.answer(detail, isRepeated: detail.job.id != id)
    }

    /// The same for the first request and for all that repeat it, but for the field that tells them apart.
    private static func answer(_ detail: JobDetail, isRepeated: Bool) throws -> APIResponse {
        var headers: APIHeaders = ["location": "/v1/jobs/\(detail.job.id)"]
        if isRepeated { headers.add("idempotency-replayed", "true") }
        return .json(try Wire.encode(detail), status: 201, headers: headers)
    }

    @Sendable func job(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        .json(try Wire.encode(try await store.job(try request.id(JobID.self), user: user)))
    }

    @Sendable func cancel(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        do { return try await move(request, user, by: .cancelRequested) } catch let error as InvalidEvent {
            // Said again, for example after an answer was lost.
            guard error.state == .cancelled else { throw error }
            return try await job(request, user)
        }
    }

    @Sendable func decide(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let (body, strangers) = try await request.decode(DecisionBody.self, keys: .decision)
        guard let word = Job.Attention.Choice.Word(rawValue: body.decision) else {
            let finding = Finding(
                field: "decision", code: .notAllowed, message: "is not a choice", given: body.decision,
                allowed: Job.Attention.Choice.Word.allCases.map(\.rawValue))
            throw Problem.invalid(strangers + [finding])
        }
        guard body.revision != nil || !word.mayPay else {
            let finding = Finding(
                field: "revision", code: .required,
                message: "is needed for a choice that may pay: attention.revision of the job that was looked at")
            throw Problem.invalid(strangers + [finding])
        }
        guard strangers.isEmpty else { throw Problem.invalid(strangers) }
        guard let decision = Decision(rawValue: word.rawValue) else { return try await wait(request, user, body) }
        return try await move(request, user, by: .decided(decision), ifAt: body.revision)
    }

    private func wait(_ request: APIRequest, _ user: UserID, _ body: DecisionBody) async throws -> APIResponse {
        let id = try request.id(JobID.self)
        guard let detail = try await store.noteWait(id, user: user, ifAt: body.revision) else {
            throw Problem(
                status: 409, code: .stateConflict, title: "There is nothing to wait for",
                detail: "The job waits for no decision, or for another than this revision's. Look at it again.")
        }
        return .json(try Wire.encode(detail))
    }

    struct DecisionBody: Decodable {
        var decision: String
        /// `attention.revision` of the job that was looked at. A choice that may pay is nothing without it.
        var revision: Int64?

        enum CodingKeys: String, CodingKey, CaseIterable { case decision, revision }
    }

    private func move(
        _ request: APIRequest, _ user: UserID, by event: JobEvent, ifAt revision: Int64? = nil
    ) async throws -> APIResponse {
        let detail = try await store.move(
            try request.id(JobID.self), user: user, by: event, policy: policy, at: .nowInMicroseconds,
            ifAt: revision)
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

extension Job.Attention.Choice.Word {
    /// Whether the upstream may be asked, and paid, because of it.
    fileprivate var mayPay: Bool { self == .resubmit || self == .agree }
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
