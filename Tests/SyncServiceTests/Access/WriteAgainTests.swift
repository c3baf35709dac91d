import Foundation
import JobLifecycle
import JobStore
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// Writes that are said again because their answer was lost.
@Suite(.timeLimit(.minutes(10))) struct WriteAgainTests {
    private static func submit(
        _ api: LocalAPI, _ token: Redacted<String>, _ body: String = LocalAPI.submission, key: String = "k"
    ) async -> LocalAPI.Answer {
        await api.ask("POST", "/v1/jobs", token, body: body, [("Idempotency-Key", key)])
    }

    @Test func `the answer to a submission is given again as it was, whatever became of the job`() async throws {
        try await LocalAPI.with {
            $0.activeJobs = 1
        } _: { api in
            let (_, _, token) = try await api.newUser("alice")
            // The second waits for its turn, which its answer says.
            for (key, body) in [
                ("a", LocalAPI.submission), ("b", LocalAPI.submission.replacing("\"p\"", with: "\"q\"")),
            ] {
                let first = await Self.submit(api, token, body, key: key)
                #expect(first.status == 201 && first.headers["idempotency-replayed"] == nil)
                let detail = try Wire.decode(JobDetail.self, from: Data(first.body))
                #expect((detail.job.hold == .turn) == (key == "b"))
                _ = await api.ask("POST", "/v1/jobs/\(detail.job.id)/cancel", token)
                let again = await Self.submit(api, token, body, key: key)
                #expect(again.status == 201 && again.text == first.text)
                #expect(again.headers["idempotency-replayed"] == "true")
                #expect(again.headers["location"] == first.headers["location"])
                // Spaces and the order of fields do not make another body.
                let spaced = body.replacing(",", with: " ,\n ")
                #expect(await Self.submit(api, token, spaced, key: key).text == first.text)
                _ = await Self.submit(api, token, body, key: "free-\(key)")
            }
        }
    }

    @Test func `another body under the same key is a conflict, and a refusal uses up no key`() async throws {
        try await LocalAPI.with { api in
            let (_, _, token) = try await api.newUser("alice")
            let wrong = LocalAPI.submission.replacing("5s", with: "7s")
            #expect(await Self.submit(api, token, wrong).status == 422)
            #expect(await Self.submit(api, token).status == 201)
            let other = await Self.submit(api, token, LocalAPI.submission.replacing("\"p\"", with: "\"q\""))
            #expect(other.status == 409 && other.code == "idempotency_conflict")
            #expect(try await api.database.sql("select count(*) from jobs") == "1")
        }
    }

    @Test func `the same key at the same moment makes one job, and all get one answer`() async throws {
        try await LocalAPI.with { api in
            let (_, _, token) = try await api.newUser("alice")
            let answers = await withTaskGroup(of: LocalAPI.Answer.self) { group in
                for _ in 0..<16 { group.addTask { await Self.submit(api, token) } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(answers.map(\.text)).count == 1 && answers.allSatisfy { $0.status == 201 })
            #expect(answers.filter { $0.headers["idempotency-replayed"] == nil }.count == 1)
            #expect(try await api.database.sql("select count(*) from jobs") == "1")
        }
    }

    /// In every state: what is paid, what may be, and what was never sent.
    @Test func `a cancellation is answered by what it would cost`() async throws {
        try await LocalAPI.with { api in
            let (user, _, token) = try await api.newUser("alice")
            let paid = "price = 1, queue_id = gen_random_uuid()::text, venice_model = 'm', submitted_at = now()"
            let lost = "attention_kind = 'unknown_outcome', price = 1, next_action_at = null"
            let states: [(String, String, Int, String?)] = [
                ("accepted", "price = null", 200, nil), ("quoted", "price = 1", 200, nil),
                ("submitting", "price = 1, submitting_token = 1", 409, "maybe_paid"),
                ("attention", lost, 409, "maybe_paid"),
                ("attention", "attention_kind = 'account_blocked', next_action_at = null", 200, nil),
                ("rendering", paid, 409, "already_paid"), ("downloading", paid, 409, "already_paid"),
                ("ready", paid + ", video_id = gen_random_uuid(), is_cleaned_up = true", 409, "already_paid"),
                ("failed", "failure_code = 'refused', next_action_at = null", 409, "state_conflict"),
                ("cancelled", "next_action_at = null", 200, nil),
            ]
            for (number, (state, columns, status, code)) in states.enumerated() {
                let job = JobID.sample(UInt64(number + 1))
                _ = try await api.database.store.submit(
                    JobSubmission(request: .sample), id: job, user: user, account: "default")
                try await api.database.sql("update jobs set state = '\(state)', \(columns) where id = '\(job)'")
                let answer = await api.ask("POST", "/v1/jobs/\(job)/cancel", token)
                #expect(answer.status == status && answer.code == code, "\(state): \(answer.text)")
                guard status == 200 else { continue }
                let detail = try Wire.decode(JobDetail.self, from: Data(answer.body))
                #expect(detail.job.status == .known(.cancelled) && detail.sequence > 0)
                // Again, after a lost answer: nothing changes, not even the sequence.
                let again = await api.ask("POST", "/v1/jobs/\(job)/cancel", token)
                #expect(again.status == 200)
                #expect(try Wire.decode(JobDetail.self, from: Data(again.body)).sequence == detail.sequence)
            }
        }
    }

    private static func attention(_ api: LocalAPI, _ user: UserID) async throws -> JobID {
        let job = JobID(at: Date())
        _ = try await api.database.store.submit(
            JobSubmission(request: .sample), id: job, user: user, account: "default")
        try await api.database.sql(
            """
            update jobs set state = 'attention', attention_kind = 'account_blocked', next_action_at = null,
                revision = 7 where id = '\(job)'
            """)
        return job
    }

    @Test func `a choice that is repeated cannot decide about what came later`() async throws {
        try await LocalAPI.with { api in
            let (user, _, token) = try await api.newUser("alice")
            let job = try await Self.attention(api, user)
            let path = "/v1/jobs/\(job)"
            let shown = try Wire.decode(JobDetail.self, from: Data(await api.ask("GET", path, token).body))
            let revision = try #require(shown.job.attention?.revision)
            let choice = #"{"decision":"resubmit","revision":\#(revision)}"#
            let first = await api.ask("POST", path + "/decision", token, body: choice)
            #expect(first.status == 200, "\(first.text)")
            // It came to the same question again, about the next attempt.
            try await api.database.sql(
                """
                update jobs set state = 'attention', attention_kind = 'account_blocked', next_action_at = null,
                    revision = revision + 2 where id = '\(job)'
                """)
            let again = await api.ask("POST", path + "/decision", token, body: choice)
            #expect(again.status == 409 && again.code == "state_conflict")
            for word in ["resubmit", "agree"] {
                let blind = await api.ask("POST", path + "/decision", token, body: #"{"decision":"\#(word)"}"#)
                #expect(blind.status == 422 && blind.problem?.code == .known(.validationFailed))
                #expect(blind.problem?.errors?.map(\.field) == ["revision"])
                #expect(blind.problem?.errors?.map(\.code) == [.known(.required)])
            }
            #expect(await api.ask("POST", path + "/decision", token, body: #"{"decision":"give_up"}"#).status == 200)
            for wrong in [#"{"decision":"resubmit","revision":"7"}"#, #"{"decision":"resubmit","revision":1.5}"#] {
                #expect(await api.ask("POST", path + "/decision", token, body: wrong).status == 422)
            }
        }
    }

    @Test func `choosing to wait is written down once, and changes nothing`() async throws {
        try await LocalAPI.with { api in
            let (user, _, token) = try await api.newUser("alice")
            let job = try await Self.attention(api, user)
            let path = "/v1/jobs/\(job)"
            for _ in 0..<3 {
                let answer = await api.ask(
                    "POST", path + "/decision", token, body: #"{"decision":"wait","revision":7}"#)
                #expect(answer.status == 200, "\(answer.text)")
                let detail = try Wire.decode(JobDetail.self, from: Data(answer.body))
                #expect(detail.job.status == .known(.attention) && detail.job.attention?.revision == 7)
                #expect(detail.timeline.map(\.decision) == [nil, .known(.wait)])
                #expect(detail.timeline.last?.status == .known(.attention))
            }
            let stale = await api.ask("POST", path + "/decision", token, body: #"{"decision":"wait","revision":6}"#)
            #expect(stale.status == 409 && stale.code == "state_conflict")
            _ = await api.ask("POST", path + "/cancel", token)
            let over = await api.ask("POST", path + "/decision", token, body: #"{"decision":"wait"}"#)
            #expect(over.status == 409)
        }
    }
}
