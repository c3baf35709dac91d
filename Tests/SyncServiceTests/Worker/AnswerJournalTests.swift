import Foundation
import HTTPTransport
import JobLifecycle
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

    @Test func `an answer that lies there already is never written over`() async throws {
        try await withDirectory { directory in
            let journal = try AnswerJournal(directory: directory)
            try await journal.write(accepted, to: try await journal.reserve(.sample))
            await #expect(throws: JournalError.self) { _ = try await journal.reserve(.sample) }
            #expect(try await journal.unsettled().first?.answer?.body == accepted.body)
        }
    }

    @Test func `what is settled is gone`() async throws {
        try await withDirectory { directory in
            let journal = try AnswerJournal(directory: directory)
            await journal.settle(try await journal.reserve(.sample))
            #expect(try await journal.unsettled().isEmpty)
        }
    }

    @Test func `a directory that is gone refuses, so that nothing is submitted and no answer is passed over`()
        async throws
    {
        try await withDirectory { directory in
            let journal = try AnswerJournal(directory: directory)
            try FileManager.default.removeItem(atPath: directory)
            await #expect(throws: JournalError.self) { _ = try await journal.reserve(.sample) }
            await #expect(throws: JournalError.self) { _ = try await journal.unsettled() }
        }
    }

    @Test(arguments: [0, 4096])
    func `a file that a process died over while it made it goes, and one of somebody else's stays`(
        zeros: Int
    ) async throws {
        try await withDirectory { directory in
            let journal = try AnswerJournal(directory: directory)
            for name in ["\(JobID(UUID())).3", "notes"] {
                try Data(count: zeros).write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
            }
            #expect(try await journal.unsettled().isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["notes"])
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
