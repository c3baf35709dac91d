import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// Budgets, caps and lost answers, with the real executable on the simulator.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MoneyJobTests {
    @Test func `a user's budget ends a job unpaid, and the quote had said so`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start(["GONDOLA_USER_BUDGET_PER_DAY": "100"])
            let phone = try stack.phone(gondola)
            let first = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "1").job.id
            let copy = try await stack.follow(phone) { $0.jobs[first]?.isOver == true }
            let price = try #require(copy.jobs[first]?.price)
            #expect(copy.jobs[first]?.status == .known(.ready))

            // Room for the one that is paid, and for half of another.
            let limit = Money(usd: price.usd * 3 / 2)
            let setting = ["users", "budget", stack.user.description, "--per-month", limit.text]
            #expect(try await stack.gondola(setting).status == 0)
            let quote = try await phone.quote(Stack.textRequest())
            #expect(quote.budget?.fits == false)
            #expect(quote.budget?.limits.map(\.spent) == [price])
            let second = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "2").job.id
            let end = try await stack.follow(phone) { $0.jobs[second]?.isOver == true }
            let failure = try #require(end.jobs[second]?.failure)
            #expect(failure.code == "budget_exceeded")
            #expect(failure.budget?.period == .known(.month))
            #expect(failure.budget?.limit == limit && failure.budget?.spent == price && failure.budget?.price == price)
            #expect(try #require(failure.budget?.renewsAt) > Date())

            #expect(try await stack.simulator.ledger().charges.count == 1)
            #expect(try await stack.database.sql("select kind from ledger order by number") == "reserve\nsettle")
            #expect(try await stack.gondola(["ledger", "audit"]).output.contains("everything adds up"))
            let users = try await stack.gondola(["users", "list"]).output
            #expect(users.contains("\(limit) a month") && users.contains("\(price)"))
            // What the manual shows can be typed as it stands.
            for line in [
                "ledger balance --since 30d", "ledger spend --by user --since 30d", "ledger spend --by model",
                "ledger unknowns --json", "ledger refunds --since 30d", "ledger audit --json",
                "users budget \(stack.user) --per-day 5 --per-month 50", "users budget \(stack.user) --none",
                "users budget \(stack.user) --default",
            ] {
                let told = try await stack.gondola(line.split(separator: " ").map(String.init))
                #expect(told.status == 0 && !told.output.isEmpty, "\(line): \(told.complaint)")
            }
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `the deployment's cap holds a job until the cap is raised`() async throws {
        try await Stack.with { stack in
            let capped = try await stack.start(["GONDOLA_SPENDING_CAP_PER_DAY": "0.01"])
            let phone = try stack.phone(capped)
            let id = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "1").job.id
            let copy = try await stack.follow(phone) { $0.jobs[id]?.hold != nil }
            #expect(copy.jobs[id]?.status == .known(.waiting))
            #expect(copy.jobs[id]?.hold?.kind == .known(.spendingCap))
            #expect(try #require(copy.jobs[id]?.hold?.until) > Date())
            let shown = try await stack.gondola(["jobs", "show", id.description])
            #expect(shown.output.contains("has reached what it may spend in a day"))
            #expect(await capped.terminate() == 0)
            #expect(try await stack.simulator.ledger().calls(.queue) == 0)

            let raised = try await stack.start(["GONDOLA_SPENDING_CAP_PER_DAY": "100"])
            let end = try await stack.follow(stack.phone(raised)) { $0.jobs[id]?.isOver == true }
            #expect(end.jobs[id]?.status == .known(.ready) && end.jobs[id]?.hold == nil)
            #expect(try await stack.simulator.ledger().charges.count == 1)
            #expect(await raised.terminate() == 0)
        }
    }

    /// An answer that is lost with the charge, and one that is lost without it: the same to us, until the record is read.
    @Test(arguments: [true, false]) func `the upstream's record tells whether a lost answer was charged`(
        isCharged: Bool
    ) async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            // One that went well, whose charge is no other's.
            let good = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "1").job.id
            try await stack.follow(phone) { $0.jobs[good]?.isOver == true }
            try stack.simulator.inject([Fault(.init(endpoint: .queue), isCharged ? .loseAnswer : .swallow)])
            let id = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "2").job.id
            let lost = try await stack.follow(phone) { $0.jobs[id]?.status == .known(.attention) }
            #expect(lost.jobs[id]?.attention?.verdict == nil)
            #expect(try await stack.simulator.ledger().charges.count == (isCharged ? 2 : 1))

            // The account's own key may not read its bill.
            let refused = try await stack.gondola(["ledger", "reconcile"])
            #expect(refused.status == 1 && refused.complaint.contains("--admin-key-file"))

            let told = try await stack.reconcile()
            let verdict = isCharged ? "charged" : "not charged"
            #expect(told.status == 0, "\(told.complaint)")
            #expect(told.output.contains("\(id)  "))
            #expect(told.output.contains("  \(verdict)\n"), "\(told.output)")
            #expect(told.output.contains("gondola jobs decide \(id) resubmit"))
            #expect(
                try await stack.gondola(["jobs", "show", id.description]).output.contains("record says   \(verdict)"))
            #expect(
                try await stack.gondola(["ledger", "unknowns"]).output.contains(isCharged ? "charged" : "not_charged"))
            // The user sees it, and nothing has been done.
            let seen = try await stack.follow(phone) { $0.jobs[id]?.attention?.verdict != nil }
            #expect(seen.jobs[id]?.attention?.verdict == .known(isCharged ? .charged : .notCharged))
            #expect(try await stack.simulator.ledger().calls(.queue) == 2)

            // Nobody is there to be asked, so only --yes decides.
            #expect(try await stack.gondola(["jobs", "decide", id.description, "resubmit"]).status == 64)
            #expect(try await stack.gondola(["jobs", "decide", id.description, "agree", "--yes"]).status == 65)
            #expect(try await stack.gondola(["jobs", "decide", id.description, "resubmit", "--yes"]).status == 0)
            let end = try await stack.follow(phone) { $0.jobs[id]?.isOver == true }
            #expect(end.jobs[id]?.status == .known(.ready))
            let kinds = try await stack.database.sql("select kind from ledger where job_id = '\(id)' order by number")
            #expect(
                kinds.split(separator: "\n") == ["reserve", isCharged ? "settle" : "release", "reserve", "settle"])
            #expect(try await stack.gondola(["ledger", "audit"]).status == 0)
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a wallet's transactions tell of the charge for a lost answer`() async throws {
        try await Stack.with {
            $0.walletBalance = Cents(10_000)
        } _: { stack in
            let wallet = ["VENICE_API_KEY": "", "VENICE_WALLET_KEY": String(repeating: "46", count: 32)]
            let gondola = try await stack.start(wallet)
            let phone = try stack.phone(gondola)
            let good = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "1").job.id
            try await stack.follow(phone) { $0.jobs[good]?.isOver == true }
            try stack.simulator.inject([Fault(.init(endpoint: .queue), .loseAnswer)])
            let id = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "2").job.id
            try await stack.follow(phone) { $0.jobs[id]?.status == .known(.attention) }
            // The provider takes the job, and the wallet is charged, a moment later.
            let words = ["ledger", "reconcile", "--clock-skew", "5ms", "--lateness", "10m"]
            var told = try await stack.gondola(words, wallet)
            while !told.output.contains("\(id)  ") || told.output.contains("  undecidable") {
                told = try await stack.gondola(words, wallet)
            }
            #expect(told.output.contains("  charged\n"), "\(told.output) \(told.complaint)")
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a record that is read too early proves nothing`() async throws {
        try await Stack.with { stack in
            try stack.simulator.inject([Fault(.init(endpoint: .queue), .swallow)])
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let id = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "1").job.id
            try await stack.follow(phone) { $0.jobs[id]?.status == .known(.attention) }
            let early = try await stack.reconcile(["--lateness", "15m"])
            #expect(early.output.contains("undecidable") && early.output.contains("Ask again after"))
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `another model that the upstream recommends reaches the phone and the operator`() async throws {
        try await Stack.with { stack in
            let body = """
                {"error": {"message": "The provider refused the prompt", "type": "provider_content_policy", \
                "credits_refunded": true, "recommended_model": "kling-2.6-text-to-video"}}
                """
            let refusal = Fault.Action.reply(
                status: 422, headers: ["Content-Type": "application/json"], body: body, processed: false)
            try stack.simulator.inject([Fault(.init(endpoint: .retrieve), refusal)])
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let id = try await phone.submit(JobSubmission(request: Stack.textRequest()), idempotencyKey: "1").job.id
            let copy = try await stack.follow(phone) { $0.jobs[id]?.isOver == true }
            let failure = try #require(copy.jobs[id]?.failure)
            #expect(failure.code == "content_policy" && failure.refunded == true)
            #expect(failure.recommendedModel == "kling-2.6-text-to-video")
            let shown = try await stack.gondola(["jobs", "show", id.description]).output
            #expect(shown.contains("try model     kling-2.6-text-to-video") && shown.contains("refunded      yes"))
            #expect(try await stack.gondola(["ledger", "refunds"]).output.contains("refunded"))
            #expect(try await stack.gondola(["ledger", "audit"]).status == 0)
            #expect(await gondola.terminate() == 0)
        }
    }
}

extension Stack {
    /// What a command of the operator's has said.
    struct Told {
        var status: Int32
        var output: String
        var complaint: String
    }

    /// Runs a command of the operator's to its end. Into files: a pipe may stay open in somebody else's child.
    func gondola(_ arguments: [String], _ extra: [String: String] = [:]) async throws -> Told {
        let process = Process()
        process.executableURL = GondolaProcess.productsDirectory.appending(path: "gondola")
        process.arguments = arguments
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("GONDOLA_") }
        process.environment = inherited.merging(
            [
                "DATABASE_URL": database.conninfo, "VENICE_API_KEY": "VENICE_INFERENCE_KEY_e2e",
                "VENICE_BASE_URL": simulator.baseURL + "/api/v1",
            ].merging(extra) { $1 }
        ) { $1 }
        let files = ["out", "err"].map { directory.appending(path: "\($0)-\(UUID()).txt") }
        for file in files { try Data().write(to: file) }
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        process.standardInput = FileHandle.nullDevice
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in done.resume() }
            do { try process.run() } catch { done.resume(throwing: error) }
        }
        let texts = try files.map { try String(contentsOf: $0, encoding: .utf8) }
        return Told(status: process.terminationStatus, output: texts[0], complaint: texts[1])
    }

    /// Reads the bill with the key that may, as late as it can be entered on this clock.
    func reconcile(_ arguments: [String] = []) async throws -> Told {
        let file = directory.appending(path: "admin.key").path
        try "VENICE_ADMIN_KEY_e2e".write(toFile: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        let words = ["ledger", "reconcile", "--admin-key-file", file, "--clock-skew", "5ms"]
        return try await gondola(words + (arguments.isEmpty ? ["--lateness", "0s"] : arguments))
    }
}
