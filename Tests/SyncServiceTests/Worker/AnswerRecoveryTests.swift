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

/// Two durable points lie around a paid answer: the journal's file and the database's commit. These die in between.
@Suite struct AnswerRecoveryTests {
    private let accepted = Self.accepted(as: "q-1")
    private let refused = QueueAnswer(
        status: 422, headers: [:],
        body: Array(#"{"error":{"message":"no","type":"provider_content_policy","credits_refunded":true}}"#.utf8))

    @Test func `an answer whose commit never came is brought to the job`() async throws {
        try await withJob { database, record, recovery, journal in
            try await journal.keep(accepted, record)
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
            try await journal.keep(accepted, record)
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
            try await journal.keep(refused, record)
            try await recovery.replay()
            #expect(try await database.store.report(of: record.id).record.progress.state.name == "failed")
            #expect(try await ledger(database) == "reserve,release")
        }
    }

    /// PROTOCOL §15.4: the question may be all that is left of a submission whose worker died with it.
    @Test(arguments: [false, true])
    func `a question for consent that was found in the journal is put to the user`(isReportedLost: Bool) async throws {
        let body = #"""
            {"error":{"code":"needs_consent","message":"m"},"consent_flow":"seedance","consent":{"policy_text":"I may."}}
            """#
        try await withJob { database, record, recovery, journal in
            try await journal.keep(QueueAnswer(status: 409, headers: [:], body: Array(body.utf8)), record)
            if isReportedLost { try await move(record, by: [.submissionLost(evidence: "gone")], database.store) }
            try await recovery.replay()

            let state = try await database.store.report(of: record.id).record.progress.state
            guard case .attention(.consentNeeded(_, let request)) = state else {
                return #expect(state.name == "consentNeeded")
            }
            #expect(request.policy.policyText == "I may.")
            #expect(try await journal.unsettled().isEmpty)
            #expect(try await ledger(database) == "reserve,release")
        }
    }

    @Test func `replaying an answer that the database holds changes nothing`() async throws {
        try await withJob { database, record, recovery, journal in
            try await journal.keep(accepted, record)
            try await recovery.replay()
            let before = try await database.store.report(of: record.id).record
            try await journal.keep(accepted, record)
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

    @Test(arguments: [400, 402, 429])
    func `a late refusal of one attempt leaves the next attempt alone`(status: Int) async throws {
        try await withJob { database, record, recovery, journal in
            try await journal.keep(
                QueueAnswer(status: status, headers: [:], body: Array(#"{"error":"no"}"#.utf8)), record)
            var again = try await attemptAgain(record, database.store)
            try await recovery.replay()
            #expect(try await database.store.report(of: record.id).record == again)
            #expect(try await journal.unsettled().isEmpty)

            let receipt = Receipt(model: "m", queueID: "q-2", link: nil)
            again = try await advance(again, by: .submissionAccepted(receipt), database.store)
            #expect(again.rendering?.queueID == "q-2")
            #expect(try await ledger(database) == "reserve,settle,reserve,settle")
        }
    }

    @Test func `an answer goes to the attempt that asked, though a person decides about a later one`() async throws {
        try await withJob { database, record, recovery, journal in
            try await journal.keep(accepted, record)
            let again = try await attemptAgain(record, database.store)
            try await move(record, by: [.submissionLost(evidence: "gone")], database.store)
            try await recovery.replay()
            #expect(try await database.store.report(of: record.id).record.progress.state.name == "attention")

            try await journal.keep(Self.accepted(as: "q-2"), again)
            try await recovery.replay()
            #expect(try await database.store.report(of: record.id).record.rendering?.queueID == "q-2")
            // The first one is paid too, and no row names it.
            #expect(try await journal.unsettled().map(\.submission.token) == [record.token.rawValue])
        }
    }

    @Test func `a paid answer that its job no longer takes stays in the journal`() async throws {
        try await withJob { database, record, recovery, journal in
            let file = try await journal.keep(accepted, record)
            try await move(record, by: [.submissionLost(evidence: "gone"), .decided(.resubmit)], database.store)
            let isDone = await recovery.recover(
                .submissionAccepted(Receipt(model: "m", queueID: "q-1", link: nil)), AttemptEvidence(.accepted),
                for: record, journalFile: file)
            #expect(isDone)
            #expect(try await journal.unsettled().map(\.file) == [file])
            try await recovery.replay()
            #expect(try await journal.unsettled().map(\.file) == [file])
            #expect(try await database.store.report(of: record.id).record.progress.state.name == "quoted")
        }
    }

    @Test func `a paid answer whose job has ended since is not kept any longer`() async throws {
        try await withJob { database, record, recovery, journal in
            try await journal.keep(accepted, record)
            try await recovery.replay()
            try await move(record, by: [.renderingFailed(Failure(.upstreamError, "no"))], database.store)
            try await journal.keep(accepted, record)
            try await recovery.replay()
            #expect(try await journal.unsettled().isEmpty)
            #expect(try await ledger(database) == "reserve,settle")
        }
    }

    @Test func `an answer that the database refuses stays, and those behind it are brought home`() async throws {
        try await withJob { database, first, recovery, journal in
            let second = try await addJob(of: first.user, at: Date() + 1, database.store)
            let third = try await addJob(of: first.user, at: Date() + 2, database.store)
            // The upstream gives one id to two jobs.
            for (record, id) in [(first, "q-1"), (second, "q-1"), (third, "q-3")] {
                try await journal.keep(Self.accepted(as: id), record)
            }
            try await recovery.replay()
            var states: [String] = []
            for job in [first, second, third] {
                states.append(try await database.store.report(of: job.id).record.progress.state.name)
            }
            #expect(states == ["rendering", "submitting", "rendering"])
            #expect(try await journal.unsettled().map(\.submission.job) == [second.id])
        }
    }

    @Test func `while the database is away replaying fails, and every file is still there`() async throws {
        try await withJob { _, record, recovery, journal in
            let file = try await journal.keep(accepted, record)
            var cutOff = recovery
            cutOff.store = PostgresStore(conninfo: "host=/nowhere", secrets: nil, log: recovery.log)
            await #expect(throws: PostgresError.self) { try await cutOff.replay() }
            await cutOff.store.close()
            #expect(try await journal.unsettled().map(\.file) == [file])
        }
    }

    // MARK: - jobs on their way

    private func ledger(_ database: TestDatabase) async throws -> String {
        try await database.sql("select string_agg(kind, ',' order by number) from ledger")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func accepted(as id: String) -> QueueAnswer {
        QueueAnswer(status: 200, headers: [:], body: Array(#"{"model":"m","queue_id":"\#(id)"}"#.utf8))
    }

    /// A job whose intent to pay is durable.
    private func addJob(of user: UserID, at now: Date, _ store: PostgresStore) async throws -> JobRecord {
        _ = try await store.submit(
            JobSubmission(request: VideoRequest(model: "m", prompt: "p")), id: JobID(at: now), user: user,
            account: "default")
        let record = try #require(try await store.claim(limit: 1, lease: 60, worker: "test").first)
        return try await intend(try await advance(record, by: .priced(Money(usd: 1)), store), store)
    }

    /// The answer is given up for lost, a person asks for another try, and that one's intent is durable.
    private func attemptAgain(_ record: JobRecord, _ store: PostgresStore) async throws -> JobRecord {
        try await move(record, by: [.submissionLost(evidence: "gone"), .decided(.resubmit)], store)
        return try await intend(try #require(try await store.claim(limit: 1, lease: 60, worker: "test").first), store)
    }

    private func intend(_ record: JobRecord, _ store: PostgresStore) async throws -> JobRecord {
        try await advance(record, by: .submissionIntended(by: record.token), store)
    }

    private func advance(_ record: JobRecord, by event: JobEvent, _ store: PostgresStore) async throws -> JobRecord {
        var next = record
        let effects = try next.progress.apply(event, policy: JobPolicy(), at: .nowInMicroseconds, jitter: 0)
        return try await store.commit(next, effects)
    }

    private func move(_ record: JobRecord, by events: [JobEvent], _ store: PostgresStore) async throws {
        for event in events {
            _ = try await store.move(
                record.id, user: record.user, by: event, policy: JobPolicy(), at: .nowInMicroseconds)
        }
    }

    private func withJob(
        _ body: (TestDatabase, JobRecord, AnswerRecovery, AnswerJournal) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let store = database.store
            let user = UserID(at: Date())
            _ = try await store.addUser(named: "u", id: user)
            let record = try await addJob(of: user, at: Date(), store)
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

extension AnswerJournal {
    /// The answer to the job's attempt, as the process that got it left it behind.
    @discardableResult
    fileprivate func keep(_ answer: QueueAnswer, _ record: JobRecord) async throws -> String {
        let file = try await reserve(.init(record))
        try await write(answer, to: file)
        return file
    }
}

extension AnswerJournal.Submission {
    fileprivate init(_ record: JobRecord) {
        self.init(user: record.user, job: record.id, token: record.token.rawValue, model: "m")
    }
}
