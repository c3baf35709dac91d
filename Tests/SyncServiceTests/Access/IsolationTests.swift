import Foundation
import JobStore
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// Promise 4: nobody is shown another's things, nor that there are any.
///
/// Goes through the router's own table, so that a route cannot be forgotten.
@Suite(.timeLimit(.minutes(10))) struct IsolationTests {
    private static let verbs = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    /// Everything that a user has, by what it is.
    private static func possess(_ api: LocalAPI, _ owner: (user: UserID, device: DeviceID, token: Redacted<String>))
        async throws -> [String: String]
    {
        let job = await api.ask(
            "POST", "/v1/jobs", owner.token, body: LocalAPI.submission, [("Idempotency-Key", "theirs")])
        let id = try Wire.decode(JobDetail.self, from: Data(job.body)).job.id
        let upload = await api.ask("POST", "/v1/assets", owner.token, body: "GIF89a and so on")
        let asset = try Wire.decode(Asset.self, from: Data(upload.body)).id
        let (video, hash) = (VideoID(at: Date()), String(repeating: "0", count: 64))
        try await api.database.sql(
            """
            insert into videos (user_id, id, job_id, model, storage_key, content_type, bytes, sha256, change_sequence)
            values ('\(owner.user)', '\(video)', '\(id)', 'm', 'users/\(owner.user)/videos/\(video)', 'video/mp4', 9,
                '\(hash)', 1000000);
            update users set change_sequence = 1000000 where id = '\(owner.user)';
            """)
        return [
            "job": "\(id)", "asset": "\(asset)", "video": "\(video)", "device": "\(owner.device)",
            "user": "\(owner.user)",
        ]
    }

    /// What the database holds of a user, in every table that has users in it.
    private static func everything(of user: UserID, _ database: TestDatabase) async throws -> String {
        let tables = try await database.sql(
            """
            select relname from pg_attribute join pg_class on pg_class.oid = attrelid
            where attname = 'user_id' and relkind = 'r' and relnamespace = 'public'::regnamespace order by 1
            """)
        var rows = try await database.sql("select * from users where id = '\(user)'")
        for table in tables.split(separator: "\n") {
            rows += try await database.sql(
                "select '\(table)', rows.* from \(table) as rows where user_id = '\(user)' order by rows::text")
        }
        return rows
    }

    private static let bodies: [String?] = [
        nil, "{}", #"{"decision":"give_up"}"#, #"{"decision":"wait","revision":0}"#,
    ]

    @Test func `whatever is asked about another's things is answered as if they were not there`() async throws {
        try await LocalAPI.with { api in
            let (alice, bob) = (try await api.newUser("alice"), try await api.newUser("bob"))
            let things = try await Self.possess(api, alice)
            let before = try await Self.everything(of: alice.user, api.database)
            #expect(before.contains(try #require(things["video"])))
            var asked = 0
            for template in Set(api.router.routes.map(\.template)) where template.contains("{") {
                for verb in Self.verbs {
                    for body in Self.bodies {
                        let stranger = UUID().uuidString.lowercased()
                        let nobodys = await Self.answer(api, verb, template, stranger, body, bob.token)
                        for (kind, id) in things {
                            let theirs = await Self.answer(api, verb, template, id, body, bob.token)
                            #expect(theirs == nobodys, "\(verb) \(template) with another's \(kind)")
                            asked += 1
                        }
                        let status = Int(nobodys.prefix(3)) ?? 0
                        #expect((400..<500).contains(status), "\(verb) \(template): \(nobodys)")
                    }
                }
            }
            #expect(asked > 0)
            #expect(try await Self.everything(of: alice.user, api.database) == before)
            // The owner is answered otherwise: these were no empty questions.
            for path in ["/v1/jobs/\(things["job"] ?? "")", "/v1/assets/\(things["asset"] ?? "")"] {
                #expect(await api.ask("GET", path, alice.token).status == 200)
            }
        }
    }

    /// Status, headers and body, without what is each request's own.
    private static func answer(
        _ api: LocalAPI, _ verb: String, _ template: String, _ id: String, _ body: String?, _ token: Redacted<String>
    ) async -> String {
        let path = template.replacing(/\{[a-z_]+\}/, with: id)
        let answer = await api.ask(verb, path, token, body: body, [("Idempotency-Key", UUID().uuidString)])
        let fields = answer.headers.fields.filter { !$0.name.hasPrefix("ratelimit") }.map { "\($0.name): \($0.value)" }
        return "\(answer.status) \(fields.sorted()) \(answer.text)".replacing(id, with: "ID")
    }

    @Test func `what is asked without naming anything tells nothing of another`() async throws {
        try await LocalAPI.with { api in
            let (alice, bob) = (try await api.newUser("alice"), try await api.newUser("bob"))
            let things = try await Self.possess(api, alice)
            let page = try Wire.decode(
                ChangePage.self, from: Data(await api.ask("GET", "/v1/changes?limit=1", alice.token).body))
            #expect(page.hasMore)
            let secrets = things.values.map { $0 } + ["alice", "theirs"]
            for template in Set(api.router.routes.map(\.template)) where !template.contains("{") {
                for verb in Self.verbs {
                    for query in [
                        "", "?cursor=\(page.cursor)", "?cursor=\(page.cursor)&wait=1", "?user_id=\(alice.user)",
                    ] {
                        for body in Self.bodies {
                            let answer = await api.ask(verb, template + query, bob.token, body: body)
                            // A field that was sent comes back in a finding; what is looked for was not sent.
                            for secret in secrets where !query.contains(secret) {
                                #expect(!answer.text.contains(secret), "\(verb) \(template)\(query)")
                            }
                            #expect(answer.status != 500)
                        }
                    }
                }
            }
            let foreign = await api.ask("GET", "/v1/changes?cursor=\(page.cursor)", bob.token)
            #expect(foreign.code == "cursor_foreign")
        }
    }

    @Test func `another's upload cannot be used, and another's key is one's own to use`() async throws {
        try await LocalAPI.with { api in
            let (alice, bob) = (try await api.newUser("alice"), try await api.newUser("bob"))
            let things = try await Self.possess(api, alice)
            func ask(_ path: String, _ asset: String) async -> String {
                let body = """
                    {"request":{"model":"wan-2.5-preview-text-to-video","prompt":"p","duration":"5s",\
                    "resolution":"480p","aspect_ratio":"16:9","audio_track":{"asset_id":"\(asset)"}}}
                    """
                let answer = await api.ask("POST", path, bob.token, body: body, [("Idempotency-Key", "k")])
                return "\(answer.status) \(answer.text)".replacing(asset, with: "ID")
            }
            for path in ["/v1/jobs", "/v1/quotes"] {
                let nobodys = await ask(path, UUID().uuidString.lowercased())
                #expect(nobodys.hasPrefix("422"))
                #expect(await ask(path, try #require(things["asset"])) == nobodys)
            }
            let own = await api.ask(
                "POST", "/v1/jobs", bob.token, body: LocalAPI.submission, [("Idempotency-Key", "theirs")])
            #expect(own.status == 201 && own.headers["idempotency-replayed"] == nil)
            #expect(!own.text.contains(try #require(things["job"])))
        }
    }
}
