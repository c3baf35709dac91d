import Foundation

/// The limits beside those of queue and retrieve, and the record of all.
extension SimulatorState {
    /// Upscale quotes with a key: 40 a minute for each user.
    mutating func admitUpscaleQuote(_ user: String, at now: Date) -> Answer? {
        admitOther("upscale|\(user)", limit: configuration.queueLimitPerMinute, .quote, at: now)
    }

    /// The retired route still counts: 60 a minute for each address.
    mutating func admitTranscription(_ peer: String, at now: Date) -> Answer? {
        admitOther("transcriptions|\(peer)", limit: 60, .transcriptions, at: now)
    }

    private mutating func admitOther(_ name: String, limit: Int, _ endpoint: Endpoint, at now: Date) -> Answer? {
        if otherWindows.count >= Self.accountCapacity {
            otherWindows = otherWindows.filter { !$0.value.isIdle(at: now) }
        }
        var window = otherWindows[name] ?? RateWindow(limit: limit, seconds: 60 * configuration.timeScale)
        let verdict = window.admit(at: now)
        otherWindows[name] = window
        guard case .refused(let until) = verdict else { return nil }
        violate(.overLimit, endpoint, at: now, "more calls than the limit allows")
        return RateLimitAnswer.make(
            form: configuration.rateLimitForm ?? drawnForm(), until: until, now: now, limit: limit)
    }

    // MARK: The record

    mutating func withTraffic(_ bucket: String, _ body: (inout Traffic) -> Void) {
        guard traffic[bucket] != nil || traffic.count < Self.accountCapacity else { return }
        var known = traffic[bucket] ?? Traffic(configuration)
        body(&known)
        traffic[bucket] = known
    }

    mutating func note(_ endpoint: Endpoint, _ bucket: String, at now: Date) {
        switch endpoint {
        case .queue: withTraffic(bucket) { $0.queue.record(at: now) }
        case .retrieve: withTraffic(bucket) { $0.retrieve.record(at: now) }
        default: break
        }
    }

    /// Enters a refusal by one of the limits into the user's log, which keeps the last fifty.
    mutating func noteLimit(_ key: APIKey, _ endpoint: Endpoint, model: String?, at now: Date) {
        let isBlocked = account(key.user).abuse.block(at: now) != nil
        let named = model ?? "model:unknown"
        let entry = LimitEntry(
            keyID: key.id, model: endpoint == .queue ? named : "endpoint:\(endpoint.apiPath)",
            type: isBlocked ? "FAILED_REQUESTS" : "RPM", at: now)
        if limitLog.count >= Self.accountCapacity { limitLog = [:] }
        limitLog[key.user] = (limitLog[key.user] ?? []).suffix(49) + [entry]
    }

    /// Hears how a queue or quote body was answered: one that was refused for good is not to come back unchanged.
    mutating func noteOutcome(_ endpoint: Endpoint, _ bucket: String, bodySHA256: String, status: Int, at now: Date) {
        let entry = "\(endpoint.rawValue)|\(bucket)|\(bodySHA256)"
        if refusedBodies.contains(entry) {
            violate(.repeatedAfterRefusal, endpoint, at: now, "the same body had been refused before")
        }
        if [400, 403, 404, 410, 413, 415, 422].contains(status) { refusedBodies.insert(entry) }
    }

    /// Blocks an account as too many failures do.
    mutating func block(_ bucket: String, seconds: Int, at now: Date) -> Answer {
        let end = now.addingTimeInterval(Double(seconds))
        withAccount(bucket, at: now) { $0.abuse.block(until: end) }
        return blocked(until: end)
    }

    // MARK: Consent

    /// The digests of a body's media that may show faces, and the roles that they play.
    struct FaceMedia: Sendable {
        var roles: [String]
        var digests: Set<String>
    }

    enum ConsentVerdict: Sendable { case settled, ask }

    /// - Parameters:
    ///   - body: a digest of the body without its consents.
    ///   - faces: nil for a model that never asks.
    mutating func consent(_ user: String, body: String, faces: FaceMedia?, isGiven: Bool, at now: Date)
        -> ConsentVerdict
    {
        var book = consents[user] ?? ConsentBook()
        defer { if consents[user] != nil || consents.count < Self.accountCapacity { consents[user] = book } }
        if isGiven {
            if !book.asked.contains(body) {
                violate(.consentUnasked, .queue, at: now, "consents were sent although none had been asked for")
            }
            if book.agreed.count < Self.violationCapacity { book.agreed.formUnion(faces?.digests ?? []) }
            return .settled
        }
        guard let faces, !faces.digests.isSubset(of: book.agreed) else { return .settled }
        if book.asked.count < Self.violationCapacity { book.asked.insert(body) }
        return .ask
    }

    /// A fault asks whatever the model is.
    mutating func askForConsent(_ user: String, body: String) {
        consents[user, default: ConsentBook()].asked.insert(body)
    }
}
