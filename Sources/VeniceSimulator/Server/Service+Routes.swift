import Crypto
import Foundation

/// What each route does once a call has been admitted.
extension Service {
    func models(_ request: APIRequest) -> Answer {
        let known = ["text", "image", "music", "tts", "asr", "embedding", "upscale", "inpaint", "all", "code", "video"]
        let type = request.query("type") ?? "text"
        guard known.contains(type) else {
            return .refusal([.oneOf(known, "type", received: type)])
        }
        if type == "video" || type == "all" {
            return Answer(
                status: 200, headers: [("Content-Type", "application/json; charset=utf-8")], body: catalogue.listing)
        }
        return .json(200, ["object": "list", "type": .string(type), "data": []])
    }

    func quote(_ body: JSONValue, _ credential: Credential) -> Answer {
        var isUser = false
        if case .user = credential { isUser = true }
        switch QuoteValidation.judge(body, catalogue, authenticated: isUser) {
        case .failure(let refused): return refused.answer
        case .success(let inputs):
            let now = now
            let price = state.withLock { $0.pricing.price(inputs, at: now) }
            return .json(200, ["quote": .number(price.dollars)])
        }
    }

    func queue(_ body: JSONValue, _ bytes: Data, _ user: String, _ action: Fault.Action?) -> Answer {
        switch QueueValidation.judge(body, catalogue) {
        case .failure(let refused):
            noteRefusal(refused.answer)
            return refused.answer
        case .success(let accepted):
            if action == .askConsent && !accepted.hasConsent {
                let now = now
                state.withLock { $0.withAccount(user, at: now) { $0.askedForConsent = true } }
                return EdgeAnswers.consent
            }
            return accept(accepted, bytes, user, action)
        }
    }

    private func accept(_ accepted: AcceptedQueue, _ bytes: Data, _ user: String, _ action: Fault.Action?) -> Answer {
        let sha256 = SHA256.hash(data: bytes).hex
        let (now, baseURL) = (now, baseURL)
        do {
            let (answer, job) = try state.withLock { state in
                let result = state.queue(
                    accepted, user: user, bodySHA256: sha256, failure: action.flatMap(Self.failure), baseURL: baseURL,
                    at: now)
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

    func retrieve(_ body: JSONValue, _ user: String, _ action: Fault.Action?) -> Answer {
        switch JobRequestValidation.judge(body, allowsDeletion: true) {
        case .failure(let refused): return malformed(refused.answer, .retrieve)
        case .success(let request):
            let now = now
            return state.withLock { state in
                let answer = state.retrieve(
                    request, user: user, tells: action?.tells ?? true, failing: action.flatMap(Self.failure), at: now,
                    media: media.file(for:))
                if answer.status == 200 || answer.receipt != nil { record(state.jobs[request.queueID]) }
                return answer
            }
        }
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

    func rateLimits(_ user: String) -> Answer {
        let balance = state.withLock { $0.account(user).balance }
        let midnight = Calendar(identifier: .gregorian).startOfDay(for: now).addingTimeInterval(86_400)
        let limits = catalogue.models.keys.sorted().map { id -> JSONValue in
            ["apiModelId": .string(id), "rateLimits": []]
        }
        return .json(
            200,
            [
                "data": [
                    "accessPermitted": .bool(balance > Cents(0)), "apiTier": ["id": "paid", "isCharged": true],
                    "balances": ["USD": .number(balance.dollars)], "keyExpiration": .null,
                    "nextEpochBegins": .string(midnight.formatted(Ledger.time)), "rateLimits": .array(limits),
                ]
            ])
    }

    static var transcriptionsGone: Answer {
        var answer = Answer.error(410, "This endpoint has been retired. Use chat completions with a video_url part.")
        answer.setHeader("Deprecation", "true")
        answer.setHeader("Link", "</api/v1/chat/completions>; rel=\"successor-version\"")
        return answer
    }

    func download(_ request: APIRequest) -> Answer {
        let token = String(request.path.dropFirst(Endpoint.sharePath.count))
        let hasCredential = Credential.headers.contains { request.headers[$0] != nil }
        let now = now
        return state.withLock {
            $0.download(token: token, hasCredential: hasCredential, at: now, media: media.file(for:))
        }
    }

    func revoke(_ request: APIRequest) -> Answer {
        let token = String(request.path.dropFirst(Endpoint.sharePath.count))
        let hasCredential = Credential.headers.contains { request.headers[$0] != nil }
        let now = now
        return state.withLock { state in
            let (answer, job) = state.revoke(token: token, hasCredential: hasCredential, at: now)
            record(job)
            return answer
        }
    }

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
