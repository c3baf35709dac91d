import ArgumentParser
import Foundation
import JobLifecycle
import JobStore
import VideoModels

/// Our side of every contest: the public calls of the store and the product's own decisions, in tasks as a worker has them.
struct EngineUnderTest: Sendable {
    var store: PostgresStore
    let policy = JobPolicy()

    /// How the ends of claimed jobs are handed to the store.
    enum Manner: Sendable {
        /// Each in a task of its own, as a worker does.
        case apart
        /// All in one call.
        case together
    }

    /// Claims and finishes until nothing is due; returns how many jobs that were. A plain job ends with its first step.
    func finishAll(lanes: Int, batch: Int, _ manner: Manner = .apart) async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<lanes { group.addTask { try await finishInTurn(batch: batch, manner) } }
            return try await group.reduce(0, +)
        }
    }

    private func finishInTurn(batch: Int, _ manner: Manner) async throws -> Int {
        var count = 0
        while true {
            let claimed = try await store.claim(limit: batch, lease: 60, worker: "bench")
            if claimed.isEmpty { return count }
            count += claimed.count
            switch manner {
            case .apart: try await finishApart(claimed)
            case .together: try await finishTogether(claimed)
            }
        }
    }

    private func finishTogether(_ claimed: [JobRecord]) async throws {
        let steps = try claimed.map { record in
            var next = record
            let effects = try next.progress.apply(Self.end, policy: policy, at: Date(), jitter: 0)
            return JobStep(next, effects)
        }
        for outcome in await store.commit(steps) { _ = try outcome.get() }
    }

    private static let end = JobEvent.refused(Failure(.refused, "nothing to do"))

    private func finishApart(_ claimed: [JobRecord]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for record in claimed {
                group.addTask { _ = try await step(record, Self.end) }
            }
            try await group.waitForAll()
        }
    }

    /// One claimer and many jobs in hand, each going its whole way with an upstream that answers at once. At most
    /// `inHand` at a time; returns how many went.
    func goAllTheWay(batch: Int, inHand: Int) async throws -> Int {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var (started, ended) = (0, 0)
            while true {
                while started - ended > inHand - batch, try await group.next() != nil { ended += 1 }
                let claimed = try await store.claim(limit: batch, lease: 60, worker: "bench")
                if claimed.isEmpty { break }
                started += claimed.count
                for record in claimed { group.addTask { try await goTheWay(record) } }
            }
            try await group.waitForAll()
            return started
        }
    }

    private func goTheWay(_ claimed: JobRecord) async throws {
        var record = claimed
        while let action = record.progress.state.nextAction(holding: record.token) {
            let (event, evidence) = try InstantUpstream.answer(to: action, for: record)
            record = try await step(record, event, evidence)
        }
    }

    private func step(
        _ record: JobRecord, _ event: JobEvent, _ evidence: AttemptEvidence? = nil
    ) async throws -> JobRecord {
        var next = record
        let effects = try next.progress.apply(event, policy: policy, at: Date(), jitter: 0)
        return try await store.commit(next, effects, evidence: evidence)
    }
}

/// An upstream that has priced, made and removed a video before it was asked.
enum InstantUpstream {
    static func answer(to action: NextAction, for record: JobRecord) throws -> (JobEvent, AttemptEvidence?) {
        switch action {
        case .price: (.priced(Money(usd: 0.5)), nil)
        case .intendSubmission: (.submissionIntended(by: record.token), nil)
        case .submit: (.submissionAccepted(receipt(record)), evidence)
        case .poll: (.videoAnnounced(link: nil), nil)
        case .store: (.videoStored(video(record)), nil)
        case .cleanUp: (.cleanedUp, nil)
        case .reportLost: throw ValidationError("a lease was lost")
        }
    }

    private static func receipt(_ record: JobRecord) -> Receipt {
        Receipt(model: "wan-2.5-preview-text-to-video", queueID: "queue-\(record.id)", link: nil)
    }

    private static let evidence = AttemptEvidence(
        .accepted, httpStatus: 200, requestID: "8f1c2d3e4f5a6b7c-FRA", balance: "12.5",
        requestHash: Data(repeating: 7, count: 32))

    private static func video(_ record: JobRecord) -> StoredVideo {
        let id = VideoID(at: Date())
        return StoredVideo(
            id: id, key: "\(record.user)/\(id).mp4", contentType: "video/mp4", bytes: 5_000_000,
            sha256: String(repeating: "0f", count: 32), durationSeconds: 5, width: 1280, height: 720, hasSound: true)
    }
}

/// The seconds that some work takes.
func timed(_ work: () async throws -> Void) async rethrows -> Double {
    let start = ContinuousClock.now
    try await work()
    return start.duration(to: .now).seconds
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
