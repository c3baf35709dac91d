import Foundation
import HTTPTransport
import JobLifecycle
import JobStore
import Logging
import ObjectStorage
import TestSupport
import Testing
import VeniceTransport
import VideoModels

@testable import SyncService

/// A database that comes back from a backup knows of fewer videos than the storage has.
@Suite(.timeLimit(.minutes(10))) struct StoredVideoTests {
    private static let video = try! SmallVideo.bytes(arguments: ["-movflags", "+faststart"])
    private static let gone = ScriptedHTTPClient.Step.json(
        #"{"error":"Media could not be found. Request may be expired."}"#, status: 404)

    private func submit(_ number: UInt64, _ store: PostgresStore, _ events: JobEvent...) async throws {
        _ = try await store.submit(
            JobSubmission(request: .sample), id: .sample(number), user: .sample(),
            account: try upstream().first.account.id, key: nil)
        for event in events {
            _ = try await store.move(
                .sample(number), user: .sample(), by: event, policy: JobPolicy(), at: .nowInMicroseconds)
        }
    }

    private func upstream(_ steps: [ScriptedHTTPClient.Step] = []) throws -> Accounts {
        var configuration = Configuration()
        configuration.veniceKey = Redacted("k")
        return Accounts(configuration, http: ScriptedHTTPClient(steps))
    }

    private func makeRunner(_ store: PostgresStore, _ objects: any ObjectStore, folder: String) throws -> ActionRunner {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let accounts = try upstream([Self.gone, Self.gone])
        return ActionRunner(
            store: store, accounts: accounts,
            watch: AccountWatch(store: store, window: 60, limits: [:], log: log),
            storage: Storage(objects, floor: 0),
            models: ModelDirectory(store: store, venice: accounts.first, refreshInterval: 3600, log: log),
            pauses: ModelPauses(store: store, policy: JobPolicy(), log: log),
            journal: try AnswerJournal(directory: folder + "/journal"),
            queueLimit: RateLimit(endpoint: "queue", requests: 40, window: 60), listingAge: 60,
            retrieveLimit: RateLimit(endpoint: "retrieve", requests: 120, window: 60), videoBytesLimit: 1 << 30,
            keeping: Configuration().retention.keeping, log: log)
    }

    @Test func `a video that was stored after the backup makes its job ready, though the upstream has it no more`()
        async throws
    {
        try await BackedUp.with { place in
            _ = try await place.database.store.addUser(named: "a", id: .sample())
            try await submit(
                1, place.database.store, .priced(.sample), .submissionIntended(by: LeaseToken(0)),
                .submissionAccepted(.sample))
            try await place.backUp()
            try await place.objects.put(try VideoKeeper.key(of: .sample(), .sample(1)), bytes: Self.video)
            try await place.restore { target, _ in
                try await target.sql("update jobs set next_action_at = now()")
                var record = try #require(try await target.store.claim(limit: 1, lease: 600, worker: "w").first)
                let runner = try makeRunner(target.store, try place.objects, folder: place.folder)
                for name in ["downloading", "ready"] {
                    let action = try #require(record.progress.state.nextAction(holding: record.token))
                    var carried: VideoStream?
                    let result = try await runner.run(action, for: record, carrying: &carried)
                    let effects = try record.progress.apply(
                        result.event, policy: JobPolicy(), at: .nowInMicroseconds, jitter: 0)
                    record = try await target.store.commit(record, effects)
                    #expect(record.progress.state.name == name)
                }
                let hash = try await target.sql("select sha256 from videos")
                #expect(hash == ContentHash(of: Self.video).hex)
                #expect(try await target.store.audit().findings.isEmpty)
            }
        }
    }

    @Test func `what is under the job's key is not taken unless it is a whole video`() async throws {
        try await BackedUp.with { place in
            let store = place.database.store
            _ = try await store.addUser(named: "a", id: .sample())
            try await submit(
                1, store, .priced(.sample), .submissionIntended(by: LeaseToken(0)), .submissionAccepted(.sample),
                .videoAnnounced(link: nil))
            try await place.database.sql("update jobs set next_action_at = now()")
            let record = try #require(try await store.claim(limit: 1, lease: 600, worker: "w").first)
            let action = try #require(record.progress.state.nextAction(holding: record.token))
            for bytes in [nil, Array(Self.video.prefix(Self.video.count / 2))] {
                let key = try VideoKeeper.key(of: .sample(), .sample(1))
                if let bytes { try await place.objects.put(key, bytes: bytes) }
                let runner = try makeRunner(store, try place.objects, folder: place.folder)
                var carried: VideoStream?
                let result = try await runner.run(action, for: record, carrying: &carried)
                guard case .renderingFailed(let failure) = result.event else {
                    Issue.record("\(result.event)")
                    continue
                }
                #expect(failure.code == "media_gone")
            }
            #expect(try place.objects.stagedFiles.isEmpty)
        }
    }

    @Test func `who decides about a job after a restore is told that its video is there`() async throws {
        try await BackedUp.with { place in
            let store = place.database.store
            _ = try await store.addUser(named: "a", id: .sample())
            try await submit(1, store, .priced(.sample))
            try await submit(2, store, .priced(.sample), .submissionIntended(by: LeaseToken(0)))
            try await submit(3, store, .priced(.sample))
            try await place.backUp()
            for number in [UInt64(1), 2] {
                try await place.objects.put(try VideoKeeper.key(of: .sample(), .sample(number)), bytes: Self.video)
            }
            try await place.restore { target, report in
                #expect(report.found == 2 && report.jobs?.held == 2 && report.jobs?.unknown == 1)
                for (number, isThere) in [(UInt64(1), true), (2, true), (3, false)] {
                    let shown = try await target.store.job(.sample(number), user: .sample()).job.attention
                    #expect(shown?.evidence?.contains("Its video is in storage") == isThere)
                    #expect(shown?.evidence?.contains("The database came back from a backup") == true)
                }
                // Nobody takes what may be the person's for rubbish.
                let key = try VideoKeeper.key(of: .sample(), .sample(1)).description
                #expect(try await target.store.knownKeys(among: [key]) == [key])
            }
        }
    }
}
