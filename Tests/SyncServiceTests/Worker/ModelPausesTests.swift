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

@Suite struct ModelPausesTests {
    private static func error(_ status: Int, _ body: String, _ headers: HTTPHeaders = [:]) -> VeniceError {
        let answer = QueueAnswer(status: status, headers: headers, body: Array(body.utf8))
        guard case .failure(let error) = VeniceClient.outcome(of: answer, requestedModel: "m") else {
            fatalError("an error's status")
        }
        return error
    }

    private static let away = error(503, #"{"error":"The model is at capacity. Please try again later."}"#)

    private func pauses(_ store: PostgresStore) -> ModelPauses {
        var log = Logger(label: "test")
        log.logLevel = .critical
        // Hours, so that no pause ends while a test runs.
        var policy = JobPolicy()
        (policy.modelPause.first, policy.modelPause.longest) = (15_000, 900_000)
        return ModelPauses(store: store, policy: policy, log: log)
    }

    /// As if so many seconds had passed, for the database and for whoever reads it then.
    private func pass(_ seconds: Double, in database: TestDatabase) async throws {
        try await database.sql(
            "update model_pauses set paused_until = paused_until - interval '1 second' * \(seconds)")
    }

    @Test(arguments: [
        (503, #"{"error":"The model is offline. Please try again later."}"#, true),
        (503, #"{"error":{"message":"no","code":"MODEL_AT_CAPACITY"}}"#, true),
        (429, #"{"error":"x","code":"MODEL_AT_CAPACITY"}"#, true), (429, #"{"error":"Model at capacity"}"#, true),
        // Whoever stands in front of the API knows no models, and a limit of the account is none of the model's.
        (503, "<html><title>503</title></html>", false), (503, "", false),
        (429, #"{"error":"Rate limit exceeded"}"#, false), (500, #"{"error":"Inference processing failed"}"#, false),
        (422, #"{"error":"at capacity"}"#, false),
    ])
    func `a model is away when the API itself says so`(status: Int, body: String, isAway: Bool) {
        #expect(Self.error(status, body).isModelUnavailable == isAway)
    }

    @Test func `a model at capacity hinders its own jobs, says why and until when, and no others`() async throws {
        try await TestDatabase.with { database in
            let pauses = pauses(database.store)
            #expect(try await pauses.hindrance("m", job: .sample()) == nil)
            await pauses.learn(from: Self.away, about: "m")
            let setback = try #require(try await pauses.hindrance("m", job: .sample()))
            #expect(setback.kind == .modelUnavailable)
            #expect(setback.message.contains("at capacity"))
            #expect(setback.retryAfter ?? 0 > 14_000 && setback.retryAfter ?? .infinity <= 15_000)
            #expect(try await pauses.hindrance("other", job: .sample()) == nil)
        }
    }

    @Test func `what one process finds holds for all, and one job of all of them tries`() async throws {
        try await TestDatabase.with { database in
            let (first, second) = (pauses(database.store), pauses(database.store))
            await first.learn(from: Self.away, about: "m")
            #expect(try await second.hindrance("m", job: .sample(2)) == nil)
            await second.refresh()
            #expect(try await second.hindrance("m", job: .sample(2)) != nil)
            try await pass(15_001, in: database)
            for pauses in [first, second] { await pauses.refresh() }
            #expect(try await second.hindrance("m", job: .sample(2)) == nil)
            #expect(try await first.hindrance("m", job: .sample(1)) != nil)
            #expect(try await second.hindrance("m", job: .sample(2)) == nil)
            // It is back: everybody may.
            await second.answered("m")
            await first.refresh()
            #expect(try await first.hindrance("m", job: .sample(1)) == nil)
        }
    }

    @Test(arguments: [
        (error(422, #"{"error":"against the policy"}"#), true), (error(400, #"{"error":"bad"}"#), true),
        (error(429, #"{"error":"Rate limit exceeded"}"#), false), (error(401, #"{"error":"key"}"#), false),
        (error(500, #"{"error":"x"}"#), false), (error(503, "<html></html>"), false),
    ])
    func `a model that judges a request is back, one that nobody reached is not`(error: VeniceError, isBack: Bool)
        async throws
    {
        try await TestDatabase.with { database in
            let pauses = pauses(database.store)
            await pauses.learn(from: Self.away, about: "m")
            await pauses.learn(from: error, about: "m")
            let left = try await database.store.modelPauses()
            #expect(left.isEmpty == isBack)
        }
    }

    @Test func `before the price it is waited for, a paid request stays unknown, and what never works fails at once`() {
        guard case .setback(let setback) = Self.away.beforePayment else { return #expect(Bool(false)) }
        #expect(setback.kind == .modelUnavailable)
        guard case .submissionLost = Self.away.onSubmission else { return #expect(Bool(false)) }
        let overload = Self.error(429, #"{"error":"x","code":"MODEL_AT_CAPACITY"}"#, ["Retry-After": "40"])
        guard case .submissionNotSent(let later) = overload.onSubmission else { return #expect(Bool(false)) }
        #expect(later.kind == .modelUnavailable && later.retryAfter == 40)
        for status in [400, 404, 410, 413, 415, 422] {
            guard case .refused = Self.error(status, #"{"error":"no"}"#).beforePayment else {
                Issue.record("\(status) is tried again")
                continue
            }
        }
    }
}
