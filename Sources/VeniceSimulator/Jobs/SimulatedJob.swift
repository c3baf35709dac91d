import Foundation

/// One accepted and paid job.
struct SimulatedJob: Hashable, Sendable, Codable {
    /// How a failed job answers, the same on every poll.
    struct Failure: Hashable, Sendable, Codable {
        var status: Int
        var body: JSONValue
        var refunds: Bool
    }

    enum Phase: Hashable, Sendable {
        case rendering
        case finished
        case failed(Failure)
        case deleted
        /// Older than the service keeps anything.
        case expired
    }

    var id: String
    var user: String
    var model: String
    var kind: ModelKind
    var price: Cents
    var createdAt: Date
    /// In seconds of the simulator's clock, the scale already applied; the same for `p80`.
    var renderSeconds: Double
    var p80: Double
    var shape: VideoShape
    var variant: Int
    /// The secret part of `download_url`, for models that deliver by link.
    var linkToken: String?
    var requestSHA256: String
    /// Which of the user's keys paid: a digest.
    var keyID: String?
    /// What the queue answer bore as `X-Request-ID`.
    var requestID: String?

    /// The video file is on disk since then.
    var mediaReadyAt: Date?
    /// Set at the moment of rendering's end when the job is to fail.
    var failure: Failure?
    var firstDetectedAt: Date?
    var completedToldAt: Date?
    /// The link that a body of retrieve has told, for a job that had none.
    var inlineToken: String?
    /// Where the link has been fetched from.
    var linkPeers: [String]?
    /// The last poll that was told PROCESSING.
    var polledAt: Date?
    var deletedAt: Date?
    var linkRevokedAt: Date?
    /// How often the whole file has left.
    var deliveries = 0
    var deliveredSHA256: String?
    /// Terminal answers that have left: another poll after one is a client's mistake.
    var terminalAnswers = 0
    var refundedAt: Date?
    /// When a wallet was charged; a key is charged at once.
    var chargedAt: Date?

    var renderedAt: Date { createdAt.addingTimeInterval(renderSeconds) }

    /// When the outcome was there to be found; nil while it is not.
    func finishedAt(by now: Date) -> Date? {
        if failure != nil { return now >= renderedAt ? renderedAt : nil }
        guard let mediaReadyAt, now >= max(renderedAt, mediaReadyAt) else { return nil }
        return max(renderedAt, mediaReadyAt)
    }

    func phase(at now: Date, lifetime: Double) -> Phase {
        if now.timeIntervalSince(createdAt) >= lifetime { return .expired }
        if deletedAt != nil { return .deleted }
        guard finishedAt(by: now) != nil else { return .rendering }
        return failure.map(Phase.failed) ?? .finished
    }

    /// The word that the ledger shows.
    func stateName(at now: Date, lifetime: Double) -> String {
        switch phase(at: now, lifetime: lifetime) {
        case .rendering: "rendering"
        case .finished: "finished"
        case .failed: "failed"
        case .deleted: "deleted"
        case .expired: "expired"
        }
    }
}
