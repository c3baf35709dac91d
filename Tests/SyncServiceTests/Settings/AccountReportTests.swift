import Foundation
import TestSupport
import Testing
import VideoModels

@testable import SyncService

struct AccountReportTests {
    private let wallet = String(repeating: "46", count: 32)

    private func configuration() throws -> Configuration {
        try Configuration.resolve(
            environment: ["GONDOLA_VENICE_ACCOUNTS_FILE": "/a", "K": "key-1", "W": wallet],
            readPlain: { _ in
                #"[{"id": "a", "key_env": "K"}, {"id": "w", "wallet_key_env": "W", "takes_new_jobs": false}]"#
            })
    }

    private func limits(permitted: Bool) -> ScriptedHTTPClient.Step {
        .json(#"{"data": {"accessPermitted": \#(permitted), "balances": {"USD": 12.5, "DIEM": 3}}}"#)
    }

    private func balance(_ usd: Double, canConsume: Bool) -> ScriptedHTTPClient.Step {
        .json(
            """
            {"success": true, "data": {"walletAddress": "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F", \
            "balanceUsd": \(usd), "canConsume": \(canConsume)}}
            """)
    }

    @Test func `accounts are listed in the order of the settings`() throws {
        let reports = try configuration().accountReports
        #expect(reports.map(\.id) == ["a", "w"] && reports.map(\.kind) == [.key, .wallet])
        #expect(reports.map(\.takesNewJobs) == [true, false])
        #expect(reports.map(\.address) == [nil, "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"])
        let json = String(decoding: try Wire.encode(reports), as: UTF8.self)
        #expect(!json.contains(wallet) && !json.contains("key-1"))
    }

    @Test func `a key is tested by its limits and a wallet by its balance`() async throws {
        let http = ScriptedHTTPClient(limits(permitted: true), balance(0.5, canConsume: true))
        let tests = try await configuration().testAccounts(http: http)
        #expect(tests.map(\.verdict) == [.usable, .usable])
        #expect(tests.map { $0.balances["USD"]?.text } == ["12.5", "0.5"])
        #expect(
            http.requests.map(\.url).map { $0.split(separator: "/").suffix(2).joined(separator: "/") } == [
                "api_keys/rate_limits", "balance/0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F",
            ])
        #expect(http.requests[0].headers["SIGN-IN-WITH-X"] == nil && http.requests[1].headers["Authorization"] == nil)
    }

    @Test func `what the upstream refuses is told apart from what cannot be asked`() async throws {
        let cases: [(ScriptedHTTPClient.Step, AccountTest.Verdict)] = [
            (limits(permitted: false), .refused), (.json(#"{"error": "no"}"#, status: 401), .refused),
            (.json(#"{"error": "Insufficient USD"}"#, status: 402), .refused),
            (.json("", status: 503), .unreachable), (.failure(.init(.unreachable)), .unreachable),
            (.json("{}"), .unreachable), (.json(#"{"error": "slow down"}"#, status: 429), .unreachable),
        ]
        for (step, verdict) in cases {
            let tests = try await configuration().testAccounts(named: "a", http: ScriptedHTTPClient(step))
            #expect(tests.map(\.verdict) == [verdict])
            #expect(tests.first?.reason?.isEmpty == false)
        }
        let poor = ScriptedHTTPClient(balance(0.05, canConsume: false))
        #expect(try await configuration().testAccounts(named: "w", http: poor).map(\.verdict) == [.refused])
        #expect(try await configuration().testAccounts(named: "x", http: poor).isEmpty)
    }
}
