import Foundation

/// What a private link is asked for.
struct LinkRequest: Sendable {
    var token: String
    var hasCredential: Bool
    var peer = ""
    var range: String?
    var ifRange: String?
}

extension SimulatorState {
    mutating func download(_ request: LinkRequest, at now: Date, media: (SimulatedJob) -> MediaFile?) -> Answer {
        if let refusal = refuse(request, .download, at: now) { return refusal }
        guard let id = links[request.token], let job = jobs[id] else { return .error(404, "Not found") }
        guard isInPace(request.token, at: now) else { return .error(429, "Too many requests for this link") }
        if job.completedToldAt == nil {
            let detail = "fetched before retrieve had said COMPLETED"
            violate(.linkBeforeCompleted, .download, at: now, detail, queueID: job.id)
        }
        switch job.phase(at: now, lifetime: configuration.lifetime) {
        case .rendering, .failed, .deleted: return .error(404, "Not found")
        case .expired: return .error(410, "This link has expired")
        case .finished:
            if job.linkRevokedAt != nil { return .error(410, "This link has been revoked") }
            if job.deliveries >= configuration.downloadsPerLink { return .error(410, "This link has been used up") }
            guard admit(request.peer, to: job, at: now) else {
                return .error(410, "This link belongs to another network")
            }
            return media(job).map { file(job, $0, request) } ?? .error(404, "Not found")
        }
    }

    private mutating func refuse(_ request: LinkRequest, _ endpoint: Endpoint, at now: Date) -> Answer? {
        guard request.hasCredential else { return nil }
        violate(.credentialAtLink, endpoint, at: now, "a Venice header was sent to a private link")
        return .error(400, "Credentials are not accepted here")
    }

    private mutating func isInPace(_ token: String, at now: Date) -> Bool {
        var window = linkWindows[token] ?? RateWindow(limit: 10, seconds: 60 * configuration.timeScale)
        let verdict = window.admit(at: now)
        linkWindows[token] = window
        if case .admitted = verdict { return true }
        return false
    }

    /// A link stays with the network that fetched it first; one change is tolerated.
    private mutating func admit(_ peer: String, to job: SimulatedJob, at now: Date) -> Bool {
        let known = job.linkPeers ?? []
        if known.contains(peer) { return true }
        guard known.count < configuration.networksPerLink else {
            violate(.linkFromManyNetworks, .download, at: now, "fetched from \(peer)", queueID: job.id)
            return false
        }
        jobs[job.id]?.linkPeers = known + [peer]
        return true
    }

    // MARK: Ranges

    private func file(_ job: SimulatedJob, _ file: MediaFile, _ request: LinkRequest) -> Answer {
        var answer = videoAnswer(job, file)
        guard configuration.linksTakeRanges else { return answer }
        let (tag, date) = ("\"\(file.sha256.prefix(32))\"", HTTPDate.text(job.mediaReadyAt ?? job.createdAt))
        answer.setHeader("ETag", tag)
        answer.setHeader("Last-Modified", date)
        answer.setHeader("Accept-Ranges", "bytes")
        let isSame = request.ifRange.map { $0 == tag || $0 == date } ?? true
        guard let field = request.range, isSame, let wanted = ByteRange(field) else { return answer }
        guard let range = wanted.range(in: file.length) else {
            var refusal = Answer.error(416, "Range not satisfiable")
            refusal.setHeader("Content-Range", "bytes */\(file.length)")
            return refusal
        }
        answer.status = 206
        answer.setHeader("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.length)")
        answer.body = .part(file, range)
        // Whoever gets the end had the beginning before.
        answer.receipt = Receipt(kind: range.upperBound == file.length ? .video : .part, queueID: job.id)
        return answer
    }

    // MARK: Removal

    mutating func revoke(_ request: LinkRequest, at now: Date) -> (answer: Answer, job: SimulatedJob?) {
        if let refusal = refuse(request, .downloadDelete, at: now) { return (refusal, nil) }
        guard let id = links[request.token], let job = jobs[id] else { return (.error(404, "Not found"), nil) }
        guard job.linkRevokedAt == nil else { return (.error(410, "This link has been revoked"), nil) }
        jobs[id]?.linkRevokedAt = now
        return (Answer(status: 204), jobs[id])
    }
}

/// One range of a `Range` header. Several ranges and other units are not understood, which means that all is sent.
struct ByteRange: Hashable, Sendable {
    private enum Bounds: Hashable, Sendable {
        case from(Int, through: Int?)
        case last(Int)
    }

    private var bounds: Bounds

    init?(_ field: String) {
        guard field.lowercased().hasPrefix("bytes=") else { return nil }
        let parts = field.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.allSatisfy(\.isASCII) && !$0.contains("+") }) else { return nil }
        if parts[0].isEmpty {
            guard let count = Int(parts[1]), count >= 0 else { return nil }
            bounds = .last(count)
            return
        }
        guard let first = Int(parts[0]) else { return nil }
        let last = Int(parts[1])
        guard parts[1].isEmpty || (last ?? -1) >= first else { return nil }
        bounds = .from(first, through: last)
    }

    /// What it means for a file; nil when nothing of it is there.
    func range(in length: Int) -> Range<Int>? {
        switch bounds {
        case .from(let first, let last):
            first < length ? first..<min(last ?? .max, length - 1) + 1 : nil
        case .last(let count): count > 0 && length > 0 ? max(0, length - count)..<length : nil
        }
    }
}
