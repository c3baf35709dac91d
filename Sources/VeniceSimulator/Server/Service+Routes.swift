import Crypto
import Foundation

/// What each route does once a call has been admitted.
extension Service {
    func models(_ request: APIRequest, _ caller: Caller) -> Answer {
        let known = [
            "text", "image", "music", "tts", "asr", "embedding", "upscale", "inpaint", "all", "code", "decision",
            "video",
        ]
        let type = request.query("type") ?? "text"
        guard known.contains(type) else {
            return .refusal([.oneOf(known, "type", received: type)])
        }
        if type == "video" || type == "all" {
            return Answer(
                status: 200, headers: [("Content-Type", "application/json; charset=utf-8")],
                body: desk(caller).listing(type: type))
        }
        return .json(200, ["object": "list", "type": .string(type), "data": []])
    }

    private func desk(_ caller: Caller) -> ModelDesk {
        ModelDesk(
            catalogue: catalogue, world: configuration.world, listsUnlisted: configuration.listsUnlisted,
            caller: caller, now: now)
    }

    /// Finds the model that serves a body, and the body as that model gets it.
    private func serve(
        _ body: JSONValue, _ desk: ModelDesk
    ) -> (verdict: ModelDesk.Verdict, body: JSONValue) {
        guard var fields = body.object, let asked = fields["model"]?.string else {
            return (.served(ModelDesk.Served(id: "")), body)
        }
        let verdict = desk.serve(asked)
        if case .served(let served) = verdict { fields["model"] = .string(served.id) }
        return (verdict, .object(fields))
    }

    // MARK: Quote

    func quote(_ body: JSONValue, _ caller: Caller) -> Answer {
        let (verdict, body) = serve(body, desk(caller))
        guard case .served(let served) = verdict else {
            guard case .refused(let answer) = verdict else { return .error(500, "Inference processing failed") }
            return answer
        }
        var user: String?
        if case .user(let id) = caller.credential { user = id }
        noteOtherFields(body)
        switch QuoteValidation.judge(body, catalogue, authenticated: user != nil) {
        case .failure(let refused): return refused.answer
        case .success(let inputs):
            let now = now
            if let user, catalogue[inputs.model]?.family.kind == .upscale,
                let refusal = state.withLock({ $0.admitUpscaleQuote(user, at: now) })
            {
                return refusal
            }
            let price = state.withLock { $0.pricing.price(inputs, at: now) }
            var answer = Answer.json(200, ["quote": .number(price.dollars)])
            answer.tell(served)
            return answer
        }
    }

    private func noteOtherFields(_ body: JSONValue) {
        let others = Set((body.object ?? [:]).keys).subtracting(QuoteValidation.pricingKeys).sorted()
        guard !others.isEmpty else { return }
        let now = now
        let text = "no price depends on \(others.prefix(10).joined(separator: ", "))"
        state.withLock { $0.violate(.quoteWithOtherFields, .quote, at: now, text) }
    }

    // MARK: Queue

    func queue(_ body: JSONValue, _ bytes: Data, _ user: String, _ caller: Caller, _ action: Fault.Action?) -> Answer {
        let desk = desk(caller)
        let (verdict, body) = serve(body, desk)
        switch verdict {
        case .refused(let answer): return answer
        case .served(let served):
            switch QueueValidation.judge(body, catalogue) {
            case .failure(let refused):
                noteRefusal(refused.answer)
                return refused.answer
            case .success(let accepted):
                if desk.isOffline(served.id) { return .error(503, "The model is offline. Please try again later.") }
                if let question = question(body, accepted, user, action) { return question }
                var answer = accept(accepted, bytes, user, caller, action)
                answer.tell(served)
                return answer
            }
        }
    }

    /// 409 where a person has to agree first.
    private func question(
        _ body: JSONValue, _ accepted: AcceptedQueue, _ user: String, _ action: Fault.Action?
    ) -> Answer? {
        let now = now
        let digest = Credential.digest(String(decoding: body.removing("consents").bytes, as: UTF8.self))
        if action == .askConsent && !accepted.hasConsent {
            state.withLock { $0.askForConsent(user, body: digest) }
            return EdgeAnswers.consent(roles: ["image"])
        }
        let faces = accepted.family.asksConsent ? body.faceMedia : nil
        let verdict = state.withLock {
            $0.consent(user, body: digest, faces: faces, isGiven: accepted.hasConsent, at: now)
        }
        guard case .ask = verdict else { return nil }
        return EdgeAnswers.consent(roles: faces?.roles ?? [])
    }

    private func accept(
        _ accepted: AcceptedQueue, _ bytes: Data, _ user: String, _ caller: Caller, _ action: Fault.Action?
    ) -> Answer {
        let sha256 = SHA256.hash(data: bytes).hex
        let (now, baseURL) = (now, baseURL)
        do {
            let (answer, job) = try state.withLock { state in
                let result = state.queue(
                    accepted, user: user, key: caller.key, rule: caller.rule, bodySHA256: sha256,
                    failure: action.flatMap { Self.failure($0, model: accepted.model.id) }, baseURL: baseURL, at: now)
                if let job = result.job { try journal?.append(job) }
                return result
            }
            guard let job else { return answer }
            try journal?.sync()
            if job.failure == nil { requestMedia(job) }
            log.info(
                "accepted", metadata: ["queue_id": "\(job.id)", "model": "\(job.model)", "usd": "\(job.price.dollars)"])
            return answer
        } catch {
            log.error("a job could not be written down", metadata: ["error": "\(error)"])
            return .error(500, "Inference processing failed")
        }
    }

    // MARK: Retrieve and complete

    func retrieve(_ body: JSONValue, _ user: String, _ action: Fault.Action?) -> Answer {
        switch JobRequestValidation.judge(body, allowsDeletion: true) {
        case .failure(let refused): return malformed(refused.answer, .retrieve)
        case .success(let request):
            let (now, mood) = (now, mood(action))
            return state.withLock { state in
                let answer = state.retrieve(request, user: user, mood, at: now, media: media.file(for:))
                if answer.status == 200 || answer.receipt != nil { record(state.jobs[request.queueID]) }
                return answer
            }
        }
    }

    private func mood(_ action: Fault.Action?) -> SimulatorState.RetrieveMood {
        var mood = SimulatorState.RetrieveMood()
        mood.tells = action?.tells ?? true
        mood.baseURL = baseURL
        if case .failJob(let kind)? = action { mood.failure = kind }
        if case .dialect(let dialect)? = action { mood.inlineKey = dialect.inlineKey }
        mood.inlineKey =
            mood.inlineKey
            ?? Dialect.allCases.filter(configuration.dialects.contains).lazy.compactMap(\.inlineKey).first
        return mood
    }

    func complete(_ body: JSONValue, _ user: String) -> Answer {
        switch JobRequestValidation.judge(body, allowsDeletion: false) {
        case .failure(let refused): return malformed(refused.answer, .complete)
        case .success(let request):
            let now = now
            return state.withLock { state in
                let answer = state.complete(request, user: user, at: now)
                if answer.status == 200 { record(state.jobs[request.queueID]) }
                return answer
            }
        }
    }

    // MARK: Links and the retired route

    func transcriptions(_ caller: Caller) -> Answer {
        let now = now
        if let refusal = state.withLock({ $0.admitTranscription(caller.peer, at: now) }) { return refusal }
        var answer = Answer.error(410, "This endpoint has been retired. Use chat completions with a video_url part.")
        answer.setHeader("Deprecation", "true")
        answer.setHeader("Link", "</api/v1/chat/completions>; rel=\"successor-version\"")
        return answer
    }

    func download(_ request: APIRequest) -> Answer {
        let (link, now) = (link(request), now)
        return state.withLock { state in
            let answer = state.download(link, at: now, media: media.file(for:))
            record(state.links[link.token].flatMap { state.jobs[$0] })
            return answer
        }
    }

    func revoke(_ request: APIRequest) -> Answer {
        let (link, now) = (link(request), now)
        return state.withLock { state in
            let (answer, job) = state.revoke(link, at: now)
            record(job)
            return answer
        }
    }

    private func link(_ request: APIRequest) -> LinkRequest {
        LinkRequest(
            token: String(request.path.dropFirst(Endpoint.sharePath.count)),
            hasCredential: Credential.headers.contains { request.headers[$0] != nil }, peer: request.peer,
            range: request.headers["range"], ifRange: request.headers["if-range"])
    }

    // MARK: Notes

    func noteRefusal(_ answer: Answer) {
        guard case .bytes(let body) = answer.body else { return }
        let now = now
        let text = "\(answer.status): \(String(decoding: body.prefix(500), as: UTF8.self))"
        state.withLock { $0.violate(.queueRefused, .queue, at: now, text) }
    }

    func malformed(_ answer: Answer, _ endpoint: Endpoint) -> Answer {
        let now = now
        state.withLock { $0.violate(.malformedRequest, endpoint, at: now, "the body does not fit the schema") }
        return answer
    }
}

extension JSONValue {
    /// An object without one of its keys.
    fileprivate func removing(_ key: String) -> JSONValue {
        guard var fields = object else { return self }
        fields[key] = nil
        return .object(fields)
    }

    /// The media of a queue body in which faces may be seen.
    fileprivate var faceMedia: SimulatorState.FaceMedia {
        var media = SimulatorState.FaceMedia(roles: [], digests: [])
        let fields = [
            ("image_url", "image"), ("end_image_url", "end_image"), ("reference_image_urls", "reference_image"),
            ("video_url", "video"), ("reference_video_urls", "reference_video"),
        ]
        for (field, role) in fields {
            let urls = (self[field]?.string).map { [$0] } ?? self[field]?.array?.compactMap(\.string) ?? []
            guard !urls.isEmpty else { continue }
            media.roles.append(role)
            media.digests.formUnion(urls.map(Credential.digest))
        }
        return media
    }
}
