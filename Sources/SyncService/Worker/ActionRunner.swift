import Failpoints
import Foundation
import HTTPTransport
import JobLifecycle
import JobStore
import Logging
import ObjectStorage
import Synchronization
import VeniceTransport
import VideoModels

/// What an action came to: the event, what is written beside it, and what follows the commit.
struct ActionResult: Sendable {
    var event: JobEvent
    var evidence: AttemptEvidence?
    /// To be settled once the event is durable.
    var journalFile: String?

    init(_ event: JobEvent, evidence: AttemptEvidence? = nil, journalFile: String? = nil) {
        self.event = event
        self.evidence = evidence
        self.journalFile = journalFile
    }
}

/// Does one action of one job against the outside world and says what happened. It decides nothing and writes no job.
struct ActionRunner: Sendable {
    var store: PostgresStore
    var accounts: Accounts
    var watch: AccountWatch
    var storage: Storage
    var objects: any ObjectStore { storage.objects }
    var models: ModelDirectory
    var pauses: ModelPauses
    var journal: AnswerJournal
    var queueLimit: RateLimit
    /// How often it is worth looking whether a model that is listed as offline still is.
    var listingAge: TimeInterval
    var retrieveLimit: RateLimit
    var videoBytesLimit: Int64
    /// The deployment's rule, for users without one of their own.
    var keeping: KeepingRule
    var log: Logger

    /// Polls and clean-ups need a request of the retrieve budget, submissions one of the queue's: a desk grants it before
    /// they are run.
    ///
    /// `carried` holds a video that is arriving, between the poll that found it and the step that stores it. `isOurs` is
    /// asked just before money is spent, and before a video is put under its key: whether the lease can still be ours.
    func run(
        _ action: NextAction, for record: JobRecord, carrying carried: inout VideoStream?,
        while isOurs: @Sendable () -> Bool = { true }
    ) async throws -> ActionResult {
        guard let venice = accounts[record.account] else { return Self.waitForAccount(record.account, action) }
        return switch action {
        case .price: try await price(record, venice)
        case .intendSubmission: try await intend(record)
        case .submit: await submit(record, venice, while: isOurs)
        case .reportLost: Self.lost
        case .poll(let rendering):
            try await unlessStored(try await poll(rendering, venice, carrying: &carried)) {
                _ = try await objects.head(try VideoKeeper.key(of: record.user, record.id))
                return .videoAnnounced(link: nil)
            }
        case .store(let rendering):
            try await unlessStored(
                try await bringHome(rendering, of: record, venice, carrying: &carried, while: isOurs)
            ) {
                .videoStored(try await keeper.keepAgain(of: record.user, record.id, while: isOurs))
            }
        case .cleanUp(let delivery): try await cleanUp(delivery, venice)
        }
    }

    /// Why a job that has paid nothing must not go on now: it waits, or ends, and says so. Nil for every other.
    ///
    /// Budgets are looked at before the turn, so that a job that has no room uses none up. What counts is the commit of the
    /// intent, which looks again.
    func hindrance(_ action: NextAction, _ record: JobRecord) async throws -> ActionResult? {
        switch action {
        case .price: return try await absence(of: try record.request.model, record)
        case .intendSubmission(let quotation):
            if let shortage = await shortage() { return shortage }
            if let absence = try await absence(of: try record.request.model, record) { return absence }
            if let full = try await fullQuota(record) { return full }
            let reservation = Reservation(
                user: record.user, job: record.id, account: record.account, amount: quotation.price)
            return try await store.refusal(of: reservation).map { ActionResult($0.event) }
        case .submit, .reportLost, .poll, .store, .cleanUp: return nil
        }
    }

    /// Looks again at what may have changed while the job waited for its turn.
    private func intend(_ record: JobRecord) async throws -> ActionResult {
        if let shortage = await shortage() { return shortage }
        let model = try record.request.model
        if !pauses.isOver(model), let absence = try await absence(of: model, record) { return absence }
        return try await fullQuota(record) ?? ActionResult(.submissionIntended(by: record.token))
    }

    /// The user's videos may have grown since the job was taken in, by jobs that came with it.
    private func fullQuota(_ record: JobRecord) async throws -> ActionResult? {
        guard let full = try await store.fullQuota(of: record.user, orElse: keeping) else { return nil }
        let words = "The videos have \(SizeText.rounded(full.kept)) and may have \(SizeText.rounded(full.quota))."
        return ActionResult(.refused(Failure(.quotaExceeded, words + " Delete some first.")))
    }

    /// What could not be kept is not paid for.
    private func shortage() async -> ActionResult? {
        await storage.trouble().map { ActionResult(.setback(Setback(.storage, $0, retryAfter: 10))) }
    }

    private func absence(of id: String, _ record: JobRecord) async throws -> ActionResult? {
        if case .found(let model) = models.find(id), model.isOffline {
            let words = "the upstream lists the model \(id) as offline"
            return ActionResult(.setback(Setback(.modelUnavailable, words, retryAfter: listingAge)))
        }
        return try await pauses.hindrance(id, job: record.id).map { ActionResult(.setback($0)) }
    }

    /// No other account may go on with the job, so it waits for its own. Nothing is lost by that: whatever is under way
    /// upstream goes on.
    private static func waitForAccount(_ account: String, _ action: NextAction) -> ActionResult {
        let setback = Setback(
            .accountRefused, "the job belongs to the account \"\(account)\", which is not configured here",
            retryAfter: 60)
        return switch action {
        case .submit:
            ActionResult(
                .submissionNotSent(setback), evidence: AttemptEvidence(.notSent, message: setback.message))
        case .reportLost: lost
        case .price, .intendSubmission, .poll, .store, .cleanUp: ActionResult(.setback(setback))
        }
    }

    private static let lost = ActionResult(
        .submissionLost(evidence: "the worker that was submitting went away before it knew the answer"),
        evidence: AttemptEvidence(.lost, message: "found by another worker"))

    // MARK: - before the money

    private func price(_ record: JobRecord, _ venice: VeniceClient) async throws -> ActionResult {
        let request = try record.request
        let model: VideoModel
        switch models.find(request.model) {
        case .found(let found): model = found
        case .gone(let failure): return ActionResult(.refused(failure))
        case .notLoaded: return ActionResult(.setback(Setback(.unreachable, "the models are not known yet")))
        }
        let assets: VeniceAssets
        do { assets = try await self.assets(of: record) } catch let error as ObjectStoreError {
            return ActionResult(.setback(Setback(error)))
        }
        do throws(VeniceError) {
            return ActionResult(
                .priced(try await venice.quote(QuoteRequest(request, model: model, assets: assets))))
        } catch {
            models.learn(from: error, about: model.id)
            await pauses.learn(from: error, about: model.id)
            return ActionResult(error.beforePayment)
        }
    }

    // MARK: - the money

    private func submit(
        _ record: JobRecord, _ venice: VeniceClient, while isOurs: @Sendable () -> Bool
    ) async -> ActionResult {
        let request: QueueRequest
        do {
            let model: VideoModel
            switch models.find(try record.request.model) {
            case .found(let found): model = found
            case .gone(let failure):
                return ActionResult(.refused(failure), evidence: AttemptEvidence(.notSent, message: failure.message))
            case .notLoaded:
                let setback = Setback(.unreachable, "the models are not known yet")
                return ActionResult(.submissionNotSent(setback), evidence: AttemptEvidence(.notSent))
            }
            request = try QueueRequest(
                try record.request, model: model, assets: try await assets(of: record),
                consent: record.progress.consent.flatMap { Consent(rawValue: $0.request.flow) })
        } catch let error as VeniceError {
            return ActionResult(error.onSubmission, evidence: AttemptEvidence(error))
        } catch {
            // Our own database did not answer; nothing has left.
            let setback = Setback(.unreachable, "\(error)")
            return ActionResult(.submissionNotSent(setback), evidence: AttemptEvidence(.notSent, message: "\(error)"))
        }
        let submission = AnswerJournal.Submission(
            user: record.user, job: record.id, token: record.token.rawValue, model: request.model)
        let file: String
        do throws(JournalError) { file = try await journal.reserve(submission) } catch {
            let setback = Setback(.storage, "the answer journal refuses: \(error)")
            return ActionResult(.submissionNotSent(setback), evidence: AttemptEvidence(.notSent, message: "\(error)"))
        }
        // A process that was stopped for longer than its lease: somebody has been told that nobody knows the outcome, and
        // may have asked again.
        guard isOurs() else {
            await journal.settle(file)
            let words = "the lease ran out before the request was sent"
            return ActionResult(
                .submissionNotSent(Setback(.unreachable, words)), evidence: AttemptEvidence(.notSent, message: words))
        }
        return await submit(request, of: record, venice, journaling: file)
    }

    private func submit(
        _ request: QueueRequest, of record: JobRecord, _ venice: VeniceClient, journaling file: String
    ) async -> ActionResult {
        let (journal, log) = (self.journal, self.log)
        let headers = Mutex<AnswerHeaders?>(nil)
        var result: ActionResult
        do throws(VeniceError) {
            let receipt = try await venice.queue(request) { answer in
                headers.withLock { $0 = AnswerHeaders(answer.headers) }
                try await journal.write(answer, to: file)
            }
            if let failure = receipt.journalFailure {
                log.error("a paid answer was not journalled", metadata: ["error": "\(failure)"])
            }
            await pauses.answered(request.model)
            result = ActionResult(
                .submissionAccepted(Receipt(receipt)), evidence: AttemptEvidence(.accepted, httpStatus: 200),
                journalFile: file)
        } catch {
            // First, since the next try is made for the model as it is known then.
            models.learn(from: error, about: request.model)
            await pauses.learn(from: error, about: request.model)
            result = ActionResult(
                request.event(after: error), evidence: AttemptEvidence(error), journalFile: file)
        }
        let seen = headers.withLock { $0 }
        if let id = seen?.ray ?? seen?.requestID { result.evidence?.requestID = id }
        result.evidence?.balance = seen?.balance?.text
        // Of what was asked, not of the bytes on the wire, which hold whole pictures.
        result.evidence?.requestHash = (try? Wire.encode(try record.request)).map { Data(ContentHash(of: $0).bytes) }
        return result
    }

    private func assets(of record: JobRecord) async throws -> VeniceAssets {
        try await store.veniceAssets(of: try record.request, user: record.user, objects: objects)
    }

    // MARK: - the video

    private func poll(
        _ rendering: Rendering, _ venice: VeniceClient, carrying carried: inout VideoStream?
    ) async throws -> ActionResult {
        do throws(VeniceError) {
            switch try await venice.retrieve(model: rendering.model, queueID: rendering.queueID) {
            case .processing(let timings): return ActionResult(.stillRendering(usual: timings.usual?.seconds))
            case .completed(let link): return ActionResult(.videoAnnounced(link: link))
            case .failed(let status, let notes): return ActionResult(.renderingFailed(Failure(status: status, notes)))
            case .video(let stream):
                carried = stream
                return ActionResult(.videoAnnounced(link: nil))
            }
        } catch {
            return ActionResult(error.afterPayment)
        }
    }

    private func bringHome(
        _ rendering: Rendering, of record: JobRecord, _ venice: VeniceClient, carrying carried: inout VideoStream?,
        while isOurs: @Sendable () -> Bool
    ) async throws -> ActionResult {
        var stream = carried
        carried = nil
        do {
            if stream == nil {
                switch try await open(rendering, venice) {
                case .arriving(let found): stream = found
                case .otherwise(let result): return result
                }
            }
            guard let stream else { return ActionResult(.setback(Setback(.unreachable, "no video arrived"))) }
            return ActionResult(
                .videoStored(try await keeper.keep(stream, of: record.user, record.id, while: isOurs)))
        } catch let error as VeniceError {
            return ActionResult(error.afterPayment)
        } catch let error as HTTPClientError {
            return ActionResult(.setback(Setback(.unreachable, "the transfer broke: \(error)")))
        } catch let error as ObjectStoreError {
            return ActionResult(.setback(Setback(error)))
        } catch let error as VideoFileError {
            return ActionResult(.setback(Setback(.unreachable, "what arrived is not a whole video: \(error)")))
        }
    }

    private var keeper: VideoKeeper { VideoKeeper(objects: objects, bytesLimit: videoBytesLimit) }

    /// A video that lies in storage counts, whatever the upstream says of it now. The database may not know of it because
    /// it came back from a backup, or because whoever stored it died; and by now the upstream's copy may be gone.
    private func unlessStored(
        _ result: ActionResult, _ find: () async throws -> JobEvent
    ) async throws -> ActionResult {
        switch result.event {
        case .renderingFailed, .setback: break
        default: return result
        }
        do { return ActionResult(try await find()) } catch ObjectStoreError.notFound {
            return result
        } catch is VideoFileError {
            return result
        } catch let error as ObjectStoreError {
            // Nothing paid is given up before somebody could look.
            if case .renderingFailed = result.event { return ActionResult(.setback(Setback(error))) }
            return result
        }
    }

    private enum Opened {
        case arriving(VideoStream)
        case otherwise(ActionResult)
    }

    private func open(_ rendering: Rendering, _ venice: VeniceClient) async throws -> Opened {
        if let link = rendering.link { return .arriving(try await venice.download(link)) }
        if let wait = try await wait(for: retrieveLimit, account: venice.account.id) {
            return .otherwise(ActionResult(.postponed(wait)))
        }
        switch try await venice.retrieve(model: rendering.model, queueID: rendering.queueID) {
        case .video(let stream): return .arriving(stream)
        case .processing(let timings): return .otherwise(ActionResult(.stillRendering(usual: timings.usual?.seconds)))
        case .failed(let status, let notes):
            return .otherwise(ActionResult(.renderingFailed(Failure(status: status, notes))))
        case .completed(let link):
            if let link { return .arriving(try await venice.download(link)) }
            let message = "finished, but neither the submission nor this answer gave a link to the file"
            return .otherwise(ActionResult(.setback(Setback(.serverError, message))))
        }
    }

    /// Removes the upstream's copy: the link is revoked, and the job retrieved once more with the deleting flag
    /// (PROTOCOL §7). The bytes are here and verified, so this may fail without harm.
    private func cleanUp(_ delivery: Delivery, _ venice: VeniceClient) async throws -> ActionResult {
        Failpoint.removalWanted.reach()
        let rendering = delivery.rendering
        // Each is worth trying whatever becomes of the other.
        var failure: VeniceError?
        if let link = rendering.link {
            do throws(VeniceError) { try await venice.deleteDownload(link) } catch { failure = error }
        }
        do throws(VeniceError) {
            let outcome = try await venice.retrieve(
                model: rendering.model, queueID: rendering.queueID, deleteMedia: true)
            if case .video(let stream) = outcome { await drain(stream) }
        } catch {
            failure = failure ?? error
        }
        Failpoint.removalDone.reach()
        return ActionResult(failure?.onCleanUp ?? .cleanedUp)
    }

    /// Reads a video to its end and keeps nothing; how far it came does not matter.
    private func drain(_ stream: VideoStream) async {
        do { for try await _ in stream.body {} } catch { log.debug("clean-up answer broke off") }
    }

    /// Takes one request from a budget; nil, or the seconds to wait before asking again.
    private func wait(for limit: RateLimit, account: String) async throws -> TimeInterval? {
        switch try await store.take(limit, account: account, upTo: 1) {
        case .granted(_, let isProbe):
            if isProbe { watch.noteProbe(account) }
            return nil
        case .wait(let seconds): return seconds
        }
    }
}

extension Duration {
    var seconds: TimeInterval { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
