import Foundation
import HTTPTransport
import JobLifecycle
import JobStore
import Logging
import TestSupport
import Testing
import VeniceTransport
import VideoModels

@testable import SyncService

@Suite struct AnswerJournalTests {
    private let accepted = QueueAnswer(
        status: 200, headers: ["CF-RAY": "8f0-FRA"],
        body: Array(
            #"{"model":"wan-2.5-preview-text-to-video","queue_id":"q-1","download_url":"https://x.venice.ai/1"}"#.utf8))

    @Test func `an answer is found by the next process, as it came`() async throws {
        try await withDirectory { directory in
            let submission = AnswerJournal.Submission.sample
            let file = try await AnswerJournal(directory: directory).reserve(submission)
            try await AnswerJournal(directory: directory).write(accepted, to: file)

            let entries = try await AnswerJournal(directory: directory).unsettled()
            #expect(entries.map(\.submission) == [submission])
            #expect(entries.first?.answer?.body == accepted.body)
            #expect(entries.first?.answer?.headers["cf-ray"] == "8f0-FRA")
        }
    }

    @Test func `a submission without an answer is found as that`() async throws {
        try await withDirectory { directory in
            let journal = try AnswerJournal(directory: directory)
            _ = try await journal.reserve(.sample)
            let entries = try await journal.unsettled()
            #expect(entries.count == 1)
            #expect(entries.first?.answer == nil)
        }
    }

    @Test(arguments: [1, 40, 150]) func `an answer that a crash cut off counts as none`(kept: Int) async throws {
        try await withDirectory { directory in
            let journal = try AnswerJournal(directory: directory)
            let file = try await journal.reserve(.sample)
            try await journal.write(accepted, to: file)
            var bytes = try #require(FileManager.default.contents(atPath: file))
            let end = try #require(bytes.firstIndex(of: UInt8(ascii: "\n")))
            bytes.replaceSubrange((end + 1 + kept)..., with: Data(count: 4096))
            try bytes.write(to: URL(fileURLWithPath: file))
            #expect(try await journal.unsettled().first?.answer == nil)
        }
    }

    @Test func `what is settled is gone`() async throws {
        try await withDirectory { directory in
            let journal = try AnswerJournal(directory: directory)
            await journal.settle(try await journal.reserve(.sample))
            #expect(try await journal.unsettled().isEmpty)
        }
    }

    @Test func `a directory that is gone refuses, so that nothing is submitted`() async throws {
        try await withDirectory { directory in
            let journal = try AnswerJournal(directory: directory)
            try FileManager.default.removeItem(atPath: directory)
            await #expect(throws: JournalError.self) { _ = try await journal.reserve(.sample) }
        }
    }

    private func withDirectory(_ body: (String) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await body(directory)
    }
}

extension AnswerJournal.Submission {
    fileprivate static let sample = Self(
        user: UserID(UUID()), job: JobID(UUID()), token: 3, model: "wan-2.5-preview-text-to-video")
}

/// Two durable points lie around a paid answer: the journal's file and the database's commit. These die in between.
@Suite struct AnswerRecoveryTests {
    private let accepted = QueueAnswer(
        status: 200, headers: [:], body: Array(#"{"model":"m","queue_id":"q-1"}"#.utf8))
    private let refused = QueueAnswer(
        status: 422, headers: [:],
        body: Array(#"{"error":{"message":"no","type":"provider_content_policy","credits_refunded":true}}"#.utf8))

    @Test func `an answer whose commit never came is brought to the job`() async throws {
        try await withJob { database, record, recovery, journal in
            let file = try await journal.reserve(.init(record))
            try await journal.write(accepted, to: file)
            try await recovery.replay()

            let report = try await database.store.report(of: record.id)
            #expect(report.record.progress.state.name == "rendering")
            #expect(report.record.rendering?.queueID == "q-1")
            #expect(report.attempts.map(\.outcome) == ["accepted"])
            #expect(try await journal.unsettled().isEmpty)
            #expect(try await ledger(database) == "reserve,settle")
        }
    }

    @Test func `an answer to a job that was already reported lost is brought to it as well`() async throws {
        try await withJob { database, record, recovery, journal in
            let file = try await journal.reserve(.init(record))
            try await journal.write(accepted, to: file)
            let lost = try await database.store.move(
                record.id, user: record.user, by: .submissionLost(evidence: "gone"), policy: JobPolicy(),
                at: .nowInMicroseconds)
            #expect(lost.job.status == .known(.attention))
            try await recovery.replay()

            let report = try await database.store.report(of: record.id)
            #expect(report.record.progress.state.name == "rendering")
            #expect(report.attempts.map(\.outcome) == ["accepted"])
            #expect(try await ledger(database) == "reserve,settle")
        }
    }

    @Test func `a refusal found in the journal releases the money`() async throws {
        try await withJob { database, record, recovery, journal in
            let file = try await journal.reserve(.init(record))
            try await journal.write(refused, to: file)
            try await recovery.replay()
            #expect(try await database.store.report(of: record.id).record.progress.state.name == "failed")
            #expect(try await ledger(database) == "reserve,release")
        }
    }

    @Test func `replaying an answer that the database holds changes nothing`() async throws {
        try await withJob { database, record, recovery, journal in
            let file = try await journal.reserve(.init(record))
            try await journal.write(accepted, to: file)
            try await recovery.replay()
            let before = try await database.store.report(of: record.id).record
            let again = try await journal.reserve(.init(record))
            try await journal.write(accepted, to: again)
            try await recovery.replay()
            #expect(try await database.store.report(of: record.id).record == before)
        }
    }

    @Test func `a submission without an answer stays as it is, for a person to decide`() async throws {
        try await withJob { database, record, recovery, journal in
            _ = try await journal.reserve(.init(record))
            try await recovery.replay()
            #expect(try await database.store.report(of: record.id).record.progress.state.name == "submitting")
            #expect(try await journal.unsettled().isEmpty)
        }
    }

    private func ledger(_ database: TestDatabase) async throws -> String {
        try await database.sql("select string_agg(kind, ',' order by number) from ledger")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A job whose intent to pay is durable.
    private func withJob(
        _ body: (TestDatabase, JobRecord, AnswerRecovery, AnswerJournal) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let store = database.store
            let user = UserID(at: Date())
            _ = try await store.addUser(named: "u", id: user)
            _ = try await store.submit(
                JobSubmission(request: VideoRequest(model: "m", prompt: "p")), id: JobID(at: Date()), user: user,
                account: "default")
            var record = try #require(try await store.claim(limit: 1, lease: 60, worker: "test").first)
            let price = Money(usd: 1)
            for event in [JobEvent.priced(price), .submissionIntended(by: record.token)] {
                let effects = try record.progress.apply(event, policy: JobPolicy(), at: .nowInMicroseconds, jitter: 0)
                record = try await store.commit(record, effects)
            }
            let directory = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID())").path
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let journal = try AnswerJournal(directory: directory)
            var log = Logger(label: "test")
            log.logLevel = .critical
            try await body(
                database, record, AnswerRecovery(store: store, journal: journal, policy: JobPolicy(), log: log), journal
            )
        }
    }
}

extension AnswerJournal.Submission {
    fileprivate init(_ record: JobRecord) {
        self.init(user: record.user, job: record.id, token: record.token.rawValue, model: "m")
    }
}
