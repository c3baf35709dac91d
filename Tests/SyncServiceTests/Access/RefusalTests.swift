import Foundation
import JobLifecycle
import JobStore
import Logging
import NIOCore
import ObjectStorage
import TestSupport
import Testing
import VeniceTransport
import VideoModels

@testable import SyncService

/// Every 4xx and 5xx is a problem document that says what to do, and nothing of what is inside.
@Suite(.timeLimit(.minutes(10))) struct RefusalTests {
    /// Words that only somebody on the inside knows.
    private static let inside = [
        "sqlstate", "postgres", "libpq", "psql", "relation", "constraint", "swift", "/tmp/", "/home/", "/var/",
        "socket",
        "127.0.0.1", "errno", "curl", "venice", "fatal", "stack", "unexpectedrow", "select ", "gondola_test",
    ]

    private static func check(_ answer: LocalAPI.Answer, _ what: String) {
        guard answer.status >= 400 else { return }
        #expect(answer.headers["content-type"] == "application/problem+json", "\(what)")
        guard let problem = answer.problem else { return #expect(Bool(false), "\(what): \(answer.text)") }
        #expect(problem.status == answer.status && problem.requestID == "r1", "\(what): \(answer.text)")
        #expect(problem.code.known != nil && problem.type == "urn:gondola:problem:\(problem.code.word)")
        #expect(!problem.title.isEmpty)
        let text = answer.text.lowercased()
        for word in inside where text.contains(word) { #expect(Bool(false), "\(what) tells \(word): \(answer.text)") }
    }

    private static let verbs = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]
    private static let bodies: [String?] = [
        nil, "", "{", "[]", "null", "{}", #"{"request":null}"#, #"{"request":{"model":"\u0000"}}"#,
        #"{"decision":"perhaps"}"#, #"{"decision":7,"revision":"x"}"#, String(repeating: "[", count: 100_000),
        #"{"request":{"model":"m","prompt":"\#(String(repeating: "p", count: 300_000))"}}"#, LocalAPI.submission,
    ]
    private static let ids = ["x", "%00", "..%2f..%2fetc", "%f0%9f%98%80", "00000000-0000-0000-0000-000000000000"]
    private static let queries = ["", "?cursor=x", "?limit=0", "?limit=1e9", "?wait=-1", "?x=%00", "?cursor=%27%3B--"]

    @Test func `whatever is wrong with a request, the answer is a problem without internals`() async throws {
        try await LocalAPI.with { api in
            let (_, _, token) = try await api.newUser("alice")
            var codes: Set<String> = []
            for template in Set(api.router.routes.map(\.template)) {
                for (number, verb) in Self.verbs.enumerated() {
                    for id in Self.ids {
                        for (place, body) in Self.bodies.enumerated() {
                            // All pairs would be thousands; each query meets each verb and each body.
                            let query = Self.queries[(number + place) % Self.queries.count]
                            let path = template.replacing(/\{[a-z_]+\}/, with: id) + query
                            let answer = await api.ask(
                                verb, path, token, body: body, [("Idempotency-Key", "k\(place)")])
                            Self.check(answer, "\(verb) \(path)")
                            #expect(answer.status != 500, "\(verb) \(path)")
                            if let code = answer.code { codes.insert(code) }
                        }
                        if !template.contains("{") { break }
                    }
                }
                Self.check(await api.ask("GET", template, nil), "without a token")
            }
            for code in ["not_found", "method_not_allowed", "malformed_request", "validation_failed"] {
                #expect(codes.contains(code), "nothing was refused with \(code)")
            }
        }
    }

    @Test func `a database that is away is a problem that says nothing of it`() async throws {
        try await LocalAPI.with { api in
            let (_, _, token) = try await api.newUser("alice")
            try await api.database.sql(
                """
                revoke all on all tables in schema public from gondola_ordinary;
                """)
            // A link says itself whether it is one.
            for (method, template) in api.router.routes where !template.contains("{link}") {
                let path = template.replacing(/\{[a-z_]+\}/, with: UUID().uuidString)
                let answer = await api.ask("\(method)", path, token, body: "{}", [("Idempotency-Key", "k")])
                #expect(answer.status == 500, "\(method) \(path): \(answer.text)")
                if method != .head { Self.check(answer, "\(method) \(path)") }
            }
        }
        let sleeping = LocalAPIWithoutDatabase()
        for error in sleeping.errors { Self.check(await sleeping.answer(to: error), "\(error)") }
    }
}

/// What handlers may throw, made by hand: an outage of each kind.
private struct LocalAPIWithoutDatabase {
    let errors: [any Error] = [
        PostgresError.unavailable("connection to server on socket \"/var/run/.s.PGSQL.5432\" failed"),
        PostgresError.busy, PostgresError.refused(state: "42P01", message: "relation \"jobs\" does not exist"),
        PostgresError.constraint(name: "jobs_feed", message: "duplicate key"),
        PostgresError.unexpectedRow("jobs.state"),
        StoreError.notFound, StoreError.leaseLost, StoreError.cursorExpired, StoreError.idempotencyConflict,
        ObjectStoreError.noSpace, CocoaError(.fileNoSuchFile), URLError(.badURL), CancellationError(),
        InvalidEvent(.cancelRequested, in: .accepted), RequestRefusal.timeout, RequestRefusal.clientGone,
    ]

    func answer(to error: any Error) async -> LocalAPI.Answer {
        var log = Logger(label: "test")
        log.logLevel = .critical
        let request = APIRequest(
            method: .get, path: "/v1/me", query: [], headers: [:], remoteAddress: "", id: "r1",
            body: RequestBody(length: 0, limit: 0, pipe: BodyPipe(holding: ByteBuffer())), drain: DrainSignal())
        let response = APIResponse.problem(Problem(error, request: request, log: log), for: request)
        guard case .bytes(let bytes) = response.body else { return .init(status: 0, headers: [:], body: []) }
        return .init(status: response.status, headers: response.headers, body: Array(bytes.readableBytesView))
    }
}
