import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

@Suite(.serialized, .timeLimit(.minutes(10))) struct WalletJobTests {
    private static let wallet = ["VENICE_API_KEY": "", "VENICE_WALLET_KEY": String(repeating: "46", count: 32)]
    private static let address = "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"

    @Test func `a wallet pays for videos of every kind of delivery, and signs each request anew`() async throws {
        try await Stack.with {
            $0.walletBalance = Cents(10_000)
        } _: { stack in
            let gondola = try await stack.start(Self.wallet)
            let phone = try stack.phone(gondola)
            _ = try await stack.makeOneOfEachDelivery(gondola, phone)

            let ledger = try await stack.simulator.ledger()
            #expect(ledger.violations.isEmpty, "\(ledger.violations)")
            #expect(ledger.jobs.count == 3 && ledger.jobs.allSatisfy { $0.deleted })
            #expect(ledger.calls(.retrieve) > 3 && ledger.calls(.queue) == 3)
            let wallet = try #require(ledger.wallets.first)
            #expect(ledger.wallets.count == 1 && wallet.address == Self.address)
            let charges = wallet.transactions.filter { $0.type == "CHARGE" }
            #expect(Set(charges.map(\.requestID)) == Set(ledger.jobs.map(\.queueID)))
            #expect(wallet.balance.count == 10_000 + charges.reduce(0) { $0 + $1.usd.count })
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a refused signature costs a submission nothing but time`() async throws {
        try await Stack.with {
            $0.walletBalance = Cents(10_000)
        } _: { stack in
            let expired = #"{"error": "Sign-in failed", "code": "X402_SIGN_IN_EXPIRED"}"#
            try stack.simulator.inject([
                Fault(.init(endpoint: .queue), .reply(status: 401, body: expired)),
                Fault(.init(endpoint: .retrieve), .reply(status: 401, body: expired)),
            ])
            let gondola = try await stack.start(Self.wallet)
            let phone = try stack.phone(gondola)
            let detail = try await phone.submit(
                JobSubmission(request: Stack.textRequest()), idempotencyKey: "once")
            let copy = try await stack.follow(phone) { $0.jobs[detail.job.id]?.isOver == true }
            #expect(copy.jobs[detail.job.id]?.status == .known(.ready))
            let ledger = try await stack.simulator.ledger()
            #expect(ledger.charges.count == 1 && ledger.calls(.queue) == 2)
            let attempts = try await stack.database.sql(
                "select outcome, http_status from attempts order by started_at")
            #expect(attempts.split(separator: "\n") == ["not_sent|401", "accepted|200"])
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `of several accounts each keeps its own jobs`() async throws {
        try await Stack.with {
            $0.walletBalance = Cents(10_000)
        } _: { stack in
            let list = stack.directory.appending(path: "accounts.json")
            try Data(
                #"[{"id": "key", "key_env": "E2E_KEY"}, {"id": "wallet", "wallet_key_env": "E2E_WALLET"}]"#.utf8
            ).write(to: list)
            let gondola = try await stack.start([
                "VENICE_API_KEY": "", "GONDOLA_VENICE_ACCOUNTS_FILE": list.path,
                "E2E_KEY": "VENICE_INFERENCE_KEY_e2e", "E2E_WALLET": String(repeating: "46", count: 32),
            ])
            let phone = try stack.phone(gondola)
            var jobs: [JobID] = []
            var perAccount: [String: Int] = [:]
            // Which account a job is given to follows from its id, which is drawn.
            while perAccount["key", default: 0] < 2 || perAccount["wallet", default: 0] < 2, jobs.count < 40 {
                let number = jobs.count
                let detail = try await phone.submit(
                    JobSubmission(request: Stack.textRequest("boat \(number)")), idempotencyKey: "\(number)")
                jobs.append(detail.job.id)
                let account = try await stack.database.sql("select account from jobs where id = '\(detail.job.id)'")
                perAccount[account, default: 0] += 1
            }
            let copy = try await stack.follow(phone) { copy in jobs.allSatisfy { copy.jobs[$0]?.isOver == true } }
            #expect(copy.jobs.values.allSatisfy { $0.status == .known(.ready) }, "\(copy.jobs.values.map(\.status))")
            let ledger = try await stack.simulator.ledger()
            #expect(ledger.violations.isEmpty, "\(ledger.violations)")
            #expect(ledger.charges.count == jobs.count)
            let paid = Set(ledger.wallets.flatMap(\.transactions).compactMap(\.requestID))
            let stored = try await stack.database.sql("select account, queue_id from jobs")
            for row in stored.split(separator: "\n").map({ $0.split(separator: "|") }) {
                #expect(paid.contains(String(row[1])) == (row[0] == "wallet"))
            }
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a job whose account is not configured waits, says why, and goes on with its own`() async throws {
        try await Stack.with { stack in
            let first = try await stack.start(["VENICE_ACCOUNT": "first"])
            let detail = try await stack.phone(first).submit(
                JobSubmission(request: Stack.textRequest()), idempotencyKey: "once")
            try await first.waitFor("submissionAccepted", of: detail.job.id)
            await first.kill()

            let second = try await stack.start(["VENICE_ACCOUNT": "second", "VENICE_API_KEY": "VENICE_INFERENCE_KEY_b"])
            let reason = try await second.setback(of: detail.job.id)
            #expect(reason.contains("account \"first\", which is not configured here"))
            #expect(await second.terminate() == 0)
            let row = try await stack.database.sql("select state, last_setback from jobs")
            #expect(row == "rendering|\(reason)")

            try await stack.database.sql("update jobs set next_action_at = now()")
            let third = try await stack.start(["VENICE_ACCOUNT": "first"])
            let copy = try await stack.follow(stack.phone(third)) { $0.jobs[detail.job.id]?.isOver == true }
            #expect(copy.jobs[detail.job.id]?.status == .known(.ready))
            let ledger = try await stack.simulator.ledger()
            #expect(ledger.charges.count == 1 && ledger.violations.isEmpty, "\(ledger.violations)")
            #expect(await third.terminate() == 0)
        }
    }
}
