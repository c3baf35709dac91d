public import Foundation
public import JobLifecycle
public import VideoModels

/// A model that nobody asks for at the moment. Seconds count from the time of reading.
public struct ModelPause: Hashable, Sendable {
    public var model: String
    /// Pauses in a row.
    public var failures: Int
    /// The upstream's words.
    public var reason: String
    public var since: Date
    /// How long the pause still lasts; 0 or less: one job at a time tries.
    public var pauseSeconds: TimeInterval
    /// The job that tries, and for how long no other may.
    public var probe: JobID?
    public var probeSeconds: TimeInterval?
}

extension PostgresStore {
    /// Nobody asks for the model for a while; twice as long as last time if it has not answered since. Returns the seconds.
    @discardableResult
    public func pause(
        model: String, reason: String, retryAfter: TimeInterval?, policy: ModelPausePolicy
    ) async throws -> TimeInterval {
        let values: [Value] = [
            .text(model), .text(String(reason.prefix(500))), .double(policy.first), .double(policy.longest),
            .double(retryAfter ?? 0),
        ]
        return try await pool.run { connection in
            try connection.execute(ModelPauseStatements.pause, values).first { try $0.double("seconds") }
                ?? policy.first
        }
    }

    /// Whether this job may be the one that tries a model whose pause is over. It has so many seconds.
    public func probe(model: String, by job: JobID, for seconds: TimeInterval) async throws -> Bool {
        try await pool.run { connection in
            try connection.execute(ModelPauseStatements.probe, [.text(model), .id(job), .double(seconds)]).count > 0
        }
    }

    /// The model answers. Returns whether it was paused.
    public func resume(model: String) async throws -> Bool {
        try await pool.run { try $0.execute(ModelPauseStatements.resume, [.text(model)]).count > 0 }
    }

    public func modelPauses(limit: Int = 1000) async throws -> [ModelPause] {
        try await pool.run { connection in
            try connection.execute(ModelPauseStatements.list, [.int(limit)]).map { row in
                ModelPause(
                    model: try row.text("model"), failures: try row.int("failures"), reason: try row.text("reason"),
                    since: try row.date("since"), pauseSeconds: try row.double("pause_seconds"),
                    probe: try row.optional("probe_job", Row.id),
                    probeSeconds: try row.optional("probe_seconds", Row.double))
            }
        }
    }
}
