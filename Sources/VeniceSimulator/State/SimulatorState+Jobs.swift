import Foundation

/// What a retrieve asks for.
struct RetrieveRequest: Hashable, Sendable {
    var model: String
    var queueID: String
    var deletes = false
}

extension SimulatorState {
    // MARK: Queue

    /// Charges the account and makes the job, or says why not. The caller writes the job down before the answer leaves.
    ///
    /// - Parameter failure: the end that a fault has planned for the job.
    mutating func queue(
        _ accepted: AcceptedQueue, user: String, key: APIKey?, rule: KeyRule, bodySHA256: String,
        failure: SimulatedJob.Failure?, baseURL: String, at now: Date
    ) -> (answer: Answer, job: SimulatedJob?) {
        guard jobs.count < configuration.jobCapacity else { return (RefusalAnswers.make(.capacity), nil) }
        let price = pricing.price(accepted.price, at: now)
        guard canPay(price, user) else { return (PaymentAnswers.insufficientBalance, nil) }
        if let rest = allowance(of: key, rule, at: now), rest < price { return (RefusalAnswers.keyCap, nil) }
        noteRepetition(bodySHA256, user, at: now)
        var job = makeJob(accepted, user: user, price: price, bodySHA256: bodySHA256, at: now)
        job.keyID = key?.id
        job.failure = failure
        add(job)
        charge(job, at: now)
        var body: [String: JSONValue] = ["model": .string(job.model), "queue_id": .string(job.id)]
        if let token = job.linkToken { body["download_url"] = .string(baseURL + Endpoint.sharePath + token) }
        var answer = Answer.json(200, .object(body))
        answer.receipt = Receipt(kind: .queued, queueID: job.id)
        if let id = job.requestID { answer.setHeader("X-Request-ID", id) }
        return (answer, job)
    }

    private mutating func noteRepetition(_ bodySHA256: String, _ user: String, at now: Date) {
        guard account(user).lostBodies.contains(bodySHA256) else { return }
        violate(.requeuedAfterLostAnswer, .queue, at: now, "the same body was accepted before and its answer was lost")
    }

    private func makeJob(
        _ accepted: AcceptedQueue, user: String, price: Cents, bodySHA256: String, at now: Date
    ) -> SimulatedJob {
        var dice = Dice(seed: configuration.seed, "job|\(order.count)")
        let id = dice.uuid()
        let scale = configuration.timeScale
        let (kind, seconds) = (accepted.family.kind, accepted.price.seconds)
        var job = SimulatedJob(
            id: id, user: user, model: accepted.model.id, kind: kind, price: price, createdAt: now,
            renderSeconds: configuration.renderLaw.draw(kind, videoSeconds: seconds, &dice) * scale,
            p80: configuration.renderLaw.p80(kind, videoSeconds: seconds) * scale,
            shape: accepted.shape, variant: Int(dice.next() % UInt64(configuration.mediaVariants)),
            linkToken: accepted.family.deliversByLink ? Self.token(&dice) : nil, requestSHA256: bodySHA256)
        job.requestID = "req-\(dice.uuid())"
        return job
    }

    /// What a key may still spend by its own limit; nil when it has none.
    func allowance(of key: APIKey?, _ rule: KeyRule, at now: Date) -> Cents? {
        guard let key, let limit = rule.consumptionLimit else { return nil }
        let start = limit.window.start(at: now) ?? .distantPast
        let spent = jobs.values.reduce(Cents(0)) { sum, job in
            let counts = job.keyID == key.id && job.createdAt >= start && job.refundedAt == nil
            return counts ? sum + job.price : sum
        }
        return max(Cents(0), limit.usd - spent)
    }

    private static func token(_ dice: inout Dice) -> String {
        (0..<2).map { _ in dice.uuid().filter { $0 != "-" } }.joined()
    }

    /// Takes a job in: a new one, or one read back from the journal.
    mutating func add(_ job: SimulatedJob) {
        jobs[job.id] = job
        order.append(job.id)
        for token in [job.linkToken, job.inlineToken].compactMap(\.self) { links[token] = job.id }
        if job.mediaReadyAt == nil && job.deletedAt == nil && job.failure == nil {
            waitingForMedia[job.shape.name(variant: job.variant), default: []].append(job.id)
        }
    }

    /// Takes back a job from the journal, with what it cost.
    mutating func restore(_ job: SimulatedJob, at now: Date) {
        withAccount(job.user, at: now) {
            // What a wallet was topped up with is not written down, so its balance ends at nothing.
            let after = $0.balance - job.price
            if job.refundedAt == nil { $0.balance = job.isOfWallet ? max(Cents(0), after) : after }
        }
        var job = job
        if job.isOfWallet { job.chargedAt = job.chargedAt ?? job.createdAt }
        add(job)
    }

    /// A file has been made; the jobs that waited for it can finish. Answers with them.
    mutating func mediaReady(_ name: String, at now: Date) -> [SimulatedJob] {
        (waitingForMedia.removeValue(forKey: name) ?? []).compactMap { id in
            guard jobs[id] != nil else { return nil }
            jobs[id]?.mediaReadyAt = now
            return jobs[id]
        }
    }

    // MARK: Retrieve

    /// How a retrieve is to be answered beyond what it asks.
    struct RetrieveMood: Sendable {
        /// Whether a fault will let the client see this answer.
        var tells = true
        /// The end that a fault has planned for a job that still renders.
        var failure: Fault.FailureKind?
        /// The key under which a finished job's link goes into the body, in place of the bytes.
        var inlineKey: String?
        var baseURL = ""
    }

    mutating func retrieve(
        _ request: RetrieveRequest, user: String, _ mood: RetrieveMood, at now: Date,
        media: (SimulatedJob) -> MediaFile?
    ) -> Answer {
        guard var job = jobs[request.queueID], job.user == user, job.model == request.model else {
            noteInvalidID(request.queueID, user, at: now)
            return .error(400, "Request ID is invalid.")
        }
        if job.terminalAnswers > 0 {
            let detail = "polled again after a terminal answer"
            violate(.polledTerminalJob, .retrieve, at: now, detail, queueID: job.id)
        }
        if let failure = mood.failure, job.finishedAt(by: now) == nil {
            job.failure = SimulatedJob.Failure(failure, model: job.model)
        }
        jobs[job.id] = job
        switch job.phase(at: now, lifetime: configuration.lifetime) {
        case .expired, .deleted: return terminal(.mediaNotFound, job)
        case .rendering: return processing(job, mood, at: now)
        case .failed(let failure):
            detect(job.id, mood.tells, at: now)
            settleRefund(job.id, at: now)
            return terminal(.json(failure.status, failure.body), job)
        case .finished:
            guard let file = media(job) else { return processing(job, mood, at: now) }
            return finished(job, file, deletes: request.deletes, mood, at: now)
        }
    }

    private mutating func processing(_ job: SimulatedJob, _ mood: RetrieveMood, at now: Date) -> Answer {
        if let last = job.polledAt, now.timeIntervalSince(last) < configuration.shortestPoll * configuration.timeScale {
            violate(.polledTooOften, .retrieve, at: now, "polled again at once", queueID: job.id)
        }
        if mood.tells { jobs[job.id]?.polledAt = now }
        return .json(200, ["status": "PROCESSING"].adding(timings(job, at: now)))
    }

    /// Just after a queue call an id may not be known yet, so one more try is in order; many are not.
    private mutating func noteInvalidID(_ id: String, _ user: String, at now: Date) {
        if invalidIDs.count >= Self.violationCapacity { invalidIDs = [:] }
        let count = invalidIDs["\(user)|\(id)", default: 0] + 1
        invalidIDs["\(user)|\(id)"] = count
        guard count > 2 else { return }
        violate(.polledInvalidID, .retrieve, at: now, "asked \(count) times about an invalid id", queueID: id)
    }

    private func timings(_ job: SimulatedJob, at now: Date) -> [String: JSONValue] {
        [
            "average_execution_time": .number((job.p80 * 1000).rounded()),
            "execution_duration": .number((now.timeIntervalSince(job.createdAt) * 1000).rounded(.down)),
        ]
    }

    private func terminal(_ answer: Answer, _ job: SimulatedJob) -> Answer {
        var answer = answer
        answer.receipt = Receipt(kind: .terminal, queueID: job.id)
        return answer
    }

    private mutating func finished(
        _ job: SimulatedJob, _ file: MediaFile, deletes: Bool, _ mood: RetrieveMood, at now: Date
    ) -> Answer {
        detect(job.id, mood.tells, at: now)
        if deletes {
            if job.deliveries == 0 {
                let detail = "asked to delete media that had never been delivered whole"
                violate(.deletedBeforeDelivery, .retrieve, at: now, detail, queueID: job.id)
            }
            // Gone from here on, whether or not these bytes arrive: that is why nobody may ask for it too early.
            jobs[job.id]?.deletedAt = now
        }
        guard job.linkToken != nil || mood.inlineKey != nil else { return videoAnswer(job, file) }
        if mood.tells { jobs[job.id]?.completedToldAt = job.completedToldAt ?? now }
        var body = timings(job, at: now)
        if let key = mood.inlineKey {
            body[key] = .string(mood.baseURL + Endpoint.sharePath + inlineToken(job))
        }
        return .json(200, ["status": "COMPLETED"].adding(body))
    }

    private mutating func inlineToken(_ job: SimulatedJob) -> String {
        if let token = job.linkToken ?? job.inlineToken { return token }
        var dice = Dice(seed: configuration.seed, "inline|\(job.id)")
        let token = Self.token(&dice)
        jobs[job.id]?.inlineToken = token
        links[token] = job.id
        return token
    }

    func videoAnswer(_ job: SimulatedJob, _ file: MediaFile) -> Answer {
        var answer = Answer(status: 200)
        answer.setHeader("Content-Type", configuration.mislabelsVideos ? "application/octet-stream" : "video/mp4")
        answer.body = .video(file)
        answer.delivery = configuration.omitsContentLength ? .chunked : .plain
        answer.receipt = Receipt(kind: .video, queueID: job.id)
        return answer
    }

    private mutating func detect(_ id: String, _ tells: Bool, at now: Date) {
        if tells && jobs[id]?.firstDetectedAt == nil { jobs[id]?.firstDetectedAt = now }
    }

    // MARK: Complete

    mutating func complete(_ request: RetrieveRequest, user: String, at now: Date) -> Answer {
        guard configuration.completeWorks, let job = jobs[request.queueID], job.user == user,
            job.model == request.model
        else { return .error(400, "Request ID is invalid.") }
        guard job.phase(at: now, lifetime: configuration.lifetime) == .finished else {
            return .json(200, ["success": false])
        }
        if job.deliveries == 0 {
            let detail = "completed before the media had been delivered whole"
            violate(.deletedBeforeDelivery, .complete, at: now, detail, queueID: job.id)
        }
        jobs[job.id]?.deletedAt = now
        return .json(200, ["success": true])
    }

    // MARK: What became of answers

    /// Hears whether an answer left whole. Answers with the job if that changed it.
    mutating func delivered(_ receipt: Receipt, whole: Bool, sha256: String?, at now: Date) -> SimulatedJob? {
        guard let job = jobs[receipt.queueID] else { return nil }
        switch receipt.kind {
        case .queued:
            guard !whole else { return nil }
            withAccount(job.user, at: now) { _ = $0.lostBodies.insert(job.requestSHA256) }
            return nil
        case .terminal:
            guard whole else { return nil }
            jobs[job.id]?.terminalAnswers += 1
        case .part: return nil
        case .video:
            guard whole else { return nil }
            jobs[job.id]?.deliveries += 1
            jobs[job.id]?.deliveredSHA256 = sha256
        }
        return jobs[job.id]
    }
}

extension [String: JSONValue] {
    fileprivate func adding(_ others: [String: JSONValue]) -> JSONValue {
        .object(merging(others) { _, other in other })
    }
}

extension Answer {
    static let mediaNotFound = Answer.error(
        404, "Media could not be found. Request may be invalid, expired, or deleted.")
}
