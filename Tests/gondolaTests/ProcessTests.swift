import Foundation
import JobStore
import Logging
import TestSupport
import Testing
import VideoModels

@testable import gondola

/// The executable as a process of its own, on a database of its own.
struct ProcessTests {
    private struct Ended {
        var status: Int32
        var output: String
        var errors: String

        func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try Wire.decode(type, from: Data(output.utf8))
        }
    }

    private func gondola(
        _ arguments: String..., database: String = "", environment: [String: String] = [:]
    ) async throws -> Ended {
        try await gondola(arguments, database: database, environment: environment)
    }

    private func gondola(
        _ arguments: [String], database: String = "", environment: [String: String] = [:]
    ) async throws -> Ended {
        // The executable lies beside the bundle of the tests.
        let folder =
            Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }?.deletingLastPathComponent()
            ?? Bundle.main.bundleURL
        let process = Process()
        process.executableURL = folder.appendingPathComponent("gondola")
        process.arguments = arguments
        let kept = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("GONDOLA_") && !$0.key.hasPrefix("VENICE_")
        }
        process.environment = kept.merging(["DATABASE_URL": database].merging(environment) { $1 }) { $1 }
        process.standardInput = FileHandle.nullDevice
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        async let said = read(output)
        async let complained = read(errors)
        let texts = await (said, complained)
        process.waitUntilExit()
        return Ended(status: process.terminationStatus, output: texts.0, errors: texts.1)
    }

    private func read(_ pipe: Pipe) async -> String {
        await withCheckedContinuation { continuation in
            let handle = pipe.fileHandleForReading
            DispatchQueue.global().async {
                continuation.resume(returning: String(decoding: handle.readDataToEndOfFile(), as: UTF8.self))
            }
        }
    }

    @Test func `a new database is brought forward once, and its status tells so`() async throws {
        try await TestDatabase.with(isMigrated: false) { database in
            let early = try await gondola("users", "list", database: database.conninfo)
            #expect(early.status == 1)
            #expect(early.errors.contains("run `gondola migrate`"))
            #expect(try await gondola("migrate", "status", database: database.conninfo).status == 1)
            let first = try await gondola("migrate", "--json", database: database.conninfo)
            #expect(try first.json([String: [String]].self) == ["applied": Migrator.all.map(\.name)])
            let second = try await gondola("migrate", database: database.conninfo)
            #expect(second.output == "nothing to do: the database is up to date\n")
            #expect(try await gondola("migrate", "status", database: database.conninfo).status == 0)
        }
    }

    @Test func `a user gets a token that lets in until it is revoked`() async throws {
        try await TestDatabase.with { database in
            let address = database.conninfo
            let user = try await gondola("users", "add", "alice", "--json", database: address).json(UserRecord.self)
            #expect(try await gondola("users", "add", "alice", database: address).status == 65)
            let issued = try await gondola("tokens", "issue", "--user", "alice", "--device", "phone", database: address)
            let token = Redacted(issued.output.trimmingCharacters(in: .newlines))
            guard case .valid(let owner) = try await database.store.authenticate(token) else {
                return #expect(Bool(false), "the token is not valid")
            }
            #expect(owner.user == user.id)
            #expect(owner.scopes == [.read, .submit] && owner.secondsLeft == nil)
            #expect(issued.errors.contains(owner.device.description))

            let listed = try await gondola("tokens", "list", "--user", "alice", database: address)
            #expect(listed.output.contains(owner.device.description))
            #expect(!listed.output.contains(token.reveal()))
            let revoked = try await gondola("tokens", "revoke", owner.device.description, database: address)
            #expect(revoked.output == "revoked phone\n")
            #expect(try await database.store.authenticate(token) == .revoked(user: user.id, device: owner.device))
            #expect(try await gondola("tokens", "revoke", owner.device.description, database: address).status == 65)
        }
    }

    @Test func `a token may be for looking only, and for a while`() async throws {
        try await TestDatabase.with { database in
            let address = database.conninfo
            _ = try await gondola("users", "add", "alice", "--json", database: address).json(UserRecord.self)
            let words = ["tokens", "issue", "--user", "alice", "--device", "TV", "--scope", "read", "--expires", "90d"]
            let issued = try await gondola(words, database: address)
            let token = Redacted(issued.output.trimmingCharacters(in: .newlines))
            guard case .valid(let owner) = try await database.store.authenticate(token) else {
                return #expect(Bool(false), "the token is not valid")
            }
            #expect(owner.scopes == [.read])
            let left = try #require(owner.secondsLeft)
            #expect((89 * 86_400...90 * 86_400).contains(left))
            let listed = try await gondola("tokens", "list", "--json", database: address).json([DeviceRecord].self)
            #expect(listed.map(\.scopes) == [[.read]] && listed.first?.expiresAt != nil)
            #expect(listed.first?.lastSeenAt == nil)
            for wrong in [
                ["--expires", "0"], ["--expires", "soon"], ["--expires", "9999d"], ["--scope", "everything"],
            ] {
                let words = ["tokens", "issue", "--user", "alice", "--device", "x"] + wrong
                #expect(try await gondola(words, database: address).status == 64)
            }
        }
    }

    @Test func `jobs are listed and shown with what happens next`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.store.addUser(named: "alice", id: .sample()).id
            let request = VideoRequest(model: "wan-2.5", prompt: "fog\u{1B}[2J")
            let job = try await database.store.submit(
                JobSubmission(request: request), id: .sample(2), user: user, account: "default"
            ).job.id
            let listed = try await gondola("jobs", "list", "--user", "alice", database: database.conninfo)
            #expect(listed.output.split(separator: "\n").count == 2)
            #expect(listed.output.contains("\(job)  alice  accepted  wan-2.5"))
            let shown = try await gondola("jobs", "show", job.description, database: database.conninfo)
            #expect(shown.output.contains("ask the upstream for the price"))
            #expect(!shown.output.contains("\u{1B}"))
            let none = try await gondola("jobs", "list", "--state", "ready", "--json", database: database.conninfo)
            #expect(none.output == "[]\n")
            let missing = try await gondola("jobs", "show", JobID.sample(9).description, database: database.conninfo)
            #expect(missing.status == 65)
        }
    }

    @Test func `wrong settings are named and nothing starts`() async throws {
        let ended = try await gondola(
            "run", "--lease", "soon", environment: ["GONDOLA_LISTEN": "nowhere", "GONDOLA_LISTENN": "x"])
        #expect(ended.status == 64)
        #expect(ended.errors.contains("--lease is \"soon\": expected a duration"))
        #expect(ended.errors.contains("GONDOLA_LISTEN is \"nowhere\": expected HOST:PORT"))
        #expect(ended.errors.contains("GONDOLA_LISTENN in the environment is no setting; did you mean GONDOLA_LISTEN?"))
    }

    @Test func `accounts are listed without their secrets, and a test says who cannot be asked`() async throws {
        let wallet = String(repeating: "46", count: 32)
        // Nothing listens on port 1, tcpmux, which only a superuser could open.
        let environment = ["VENICE_WALLET_KEY": wallet, "VENICE_BASE_URL": "http://127.0.0.1:1/api/v1"]
        let listed = try await gondola("accounts", "list", "--json", environment: environment)
        #expect(listed.status == 0)
        #expect(listed.output.contains(#""address":"0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F""#))
        #expect(!listed.output.contains(wallet))
        let tested = try await gondola("accounts", "test", environment: environment)
        #expect(tested.status == 69)
        #expect(tested.output.contains("unreachable") && !tested.errors.contains(wallet))
        #expect(try await gondola("accounts", "test", "nobody", environment: environment).status == 65)
        let both = try await gondola(
            "accounts", "list", environment: environment.merging(["VENICE_API_KEY": "key-1"]) { $1 })
        #expect(both.status == 64 && both.errors.contains("either this or VENICE_API_KEY, not both"))
    }

    @Test func `commands for the phone's API say what they lack`() async throws {
        let bare = try await gondola("models", "list")
        #expect(bare.status == 77)
        #expect(bare.errors.contains("gondola tokens issue"))
        // Nothing listens on port 1, tcpmux, which only a superuser could open.
        let lost = try await gondola(
            "models", "list", "--server", "http://127.0.0.1:1", environment: ["GONDOLA_TOKEN": "gdl_secret"])
        #expect(lost.status == 69)
        #expect(!lost.errors.contains("gdl_secret"))
    }

    @Test func `help and wrong usage have the statuses that shells expect`() async throws {
        let help = try await gondola("--help")
        #expect(help.status == 0)
        #expect(help.output.contains("77 the credentials are refused"))
        #expect(try await gondola("users", "add").status == 64)
        #expect(try await gondola("nonsense").status == 64)
    }

    @Test func `what is known of the upstream's limits is shown, as a table and for programs`() async throws {
        try await TestDatabase.with { database in
            let queue = RateLimit(endpoint: "queue", requests: 40, window: 60)
            _ = try await database.store.take(queue, account: "default", upTo: 7)
            try await database.store.tell(limit: 11, endpoint: "queue", account: "default", for: 600)
            try await database.sql(
                "insert into model_pauses (model, failures, paused_until, reason) "
                    + "values ('m', 2, now() + interval '1 minute', 'at capacity')")
            let shown = try await gondola("accounts", "limits", database: database.conninfo)
            #expect(shown.status == 0, "\(shown.errors)")
            #expect(shown.output.contains("the upstream told 11 instead of 40"))
            #expect(shown.output.contains("at capacity"))
            let asked = try await gondola("accounts", "limits", "--json", database: database.conninfo)
            let report = try asked.json(Limits.self)
            #expect(report.budgets.map(\.endpoint) == ["queue", "retrieve"])
            #expect(report.budgets.first?.used == 7 && report.budgets.first?.limit == 11)
            #expect(report.budgets.allSatisfy { $0.breaker == "closed" && $0.failures == 0 })
            #expect(report.models.map(\.model) == ["m"])
        }
    }

    private struct Limits: Decodable {
        var budgets: [Budget]
        var models: [Model]

        struct Budget: Decodable {
            var endpoint: String
            var used: Int
            var limit: Int
            var breaker: String
            var failures: Int
        }

        struct Model: Decodable { var model: String }
    }

    @Test func `a user's limit is set and taken back, and wrong words are named`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.store.addUser(named: "alice", id: .sample())
            let set = try await gondola("users", "limit", "alice", "--active", "3", database: database.conninfo)
            #expect(set.status == 0 && set.output == "alice: at most 3 jobs at once\n", "\(set.errors)")
            #expect(try await database.store.users(limit: 1).first?.activeLimit == 3)
            let back = try await gondola("users", "limit", "alice", "--default", database: database.conninfo)
            #expect(back.output == "alice: the deployment's limit at once\n")
            #expect(try await database.store.users(limit: 1).first?.activeLimit == nil)
            for wrong in [["alice"], ["alice", "--active", "-1"], ["alice", "--active", "2", "--default"]] {
                let ended = try await gondola(["users", "limit"] + wrong, database: database.conninfo)
                #expect(ended.status == 64)
            }
            let nobody = try await gondola("users", "limit", "bob", "--active", "1", database: database.conninfo)
            #expect(nobody.status == 65 && nobody.errors.contains("no user bob"))
        }
    }

    @Test func `a new epoch is made only when somebody says so, and ends every cursor`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.store.addUser(named: "alice", id: .sample()).id
            let cursor = try await database.store.feedPage(after: nil, user: user, limit: 1).next
            let refused = try await gondola("feed", "new-epoch", database: database.conninfo)
            #expect(refused.status == 64 && refused.errors.contains("--yes"))
            _ = try await database.store.feedPage(after: cursor, user: user, limit: 1)
            let done = try await gondola("feed", "new-epoch", "--yes", "--json", database: database.conninfo)
            let change = try done.json(EpochChange.self)
            #expect(change.former == cursor.epoch.uuidString.lowercased())
            #expect(try await database.sql("select epoch from database_epoch") == change.epoch)
            await #expect(throws: StoreError.cursorOfOtherEpoch) {
                try await database.store.feedPage(after: cursor, user: user, limit: 1)
            }
        }
    }
}
