import Foundation
import TestSupport
import Testing
import VeniceTransport
import VideoModels

@testable import SyncService

struct AccountSettingsTests {
    private let wallet = String(repeating: "46", count: 32)
    private let address = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"

    private func resolve(
        _ environment: [String: String], list: String = "[]", files: [String: String] = [:]
    ) throws -> Configuration {
        try Configuration.resolve(
            environment: environment, readPlain: { _ in list },
            readSecret: { path in
                guard let text = files[path] else { throw SecretFile.Unusable("No such file or directory") }
                return text
            })
    }

    private func accounts(
        _ list: String, _ environment: [String: String] = [:], files: [String: String] = [:]
    ) throws -> [AccountSettings] {
        let named = environment.merging(["GONDOLA_VENICE_ACCOUNTS_FILE": "/etc/accounts.json"]) { $1 }
        return try resolve(named, list: list, files: files).accounts
    }

    @Test func `one account is a key, a wallet, or nobody`() throws {
        let key = try resolve(["VENICE_API_KEY": "key-1", "VENICE_ACCOUNT": "main"]).accounts
        #expect(key.map(\.account) == [VeniceAccount(id: "main", key: Redacted("key-1"))])
        for environment in [["VENICE_WALLET_KEY": wallet], ["VENICE_WALLET_KEY_FILE": "/w"]] {
            let configuration = try resolve(environment, files: ["/w": "0x\(wallet)\n"])
            guard case .wallet(let key) = try #require(configuration.accounts.first).account.credential else {
                Issue.record("no wallet from \(environment.keys)")
                continue
            }
            #expect(key.address == address)
            #expect(configuration.hasCredential)
        }
        let nobody = try resolve([:])
        #expect(nobody.accounts.map(\.account.credential) == [.anonymous] && !nobody.hasCredential)
    }

    @Test(arguments: [
        ["VENICE_API_KEY": "key-1", "VENICE_WALLET_KEY": String(repeating: "46", count: 32)],
        ["VENICE_API_KEY": "key-1", "VENICE_WALLET_KEY_FILE": "/w"],
        ["VENICE_WALLET_KEY": String(repeating: "46", count: 32), "VENICE_WALLET_KEY_FILE": "/w"],
        ["VENICE_API_KEY": "key-1", "GONDOLA_VENICE_ACCOUNTS_FILE": "/a"],
        ["VENICE_ACCOUNT": "main", "GONDOLA_VENICE_ACCOUNTS_FILE": "/a"],
        // A wallet's private key must not leave as a Bearer token.
        ["VENICE_API_KEY": String(repeating: "46", count: 32)],
        ["VENICE_API_KEY": "0x" + String(repeating: "46", count: 32)],
        ["VENICE_WALLET_KEY": "no key"], ["VENICE_WALLET_KEY": "0x" + String(repeating: "0", count: 64)],
    ])
    func `a key and a wallet, or one account and a list, are told apart before anything is sent`(
        environment: [String: String]
    ) throws {
        let error = #expect(throws: InvalidSettings.self) {
            try resolve(environment, list: #"[{"id": "a", "key_file": "/w"}]"#, files: ["/w": wallet])
        }
        let text = try #require(error?.description)
        #expect(!text.contains(wallet) && !text.contains("key-1") && !text.contains("no key"))
    }

    @Test func `several accounts come from a list, with their secrets from variables and files`() throws {
        let list = """
            [{"id": "keys", "key_env": "FIRST", "takes_new_jobs": false},
             {"id": "wallet", "wallet_key_file": "/w", "base_url": "https://example.com/api/"},
             {"id": "filed", "key_file": "/k"}, {"id": "hot", "wallet_key_env": "HOT"}]
            """
        let found = try accounts(
            list, ["FIRST": "key-1", "HOT": wallet, "VENICE_BASE_URL": "https://other.example/v1"],
            files: ["/w": wallet, "/k": "key-2\n"])
        #expect(found.map(\.account.id) == ["keys", "wallet", "filed", "hot"])
        #expect(found.map(\.takesNewJobs) == [false, true, true, true])
        #expect(
            found.map(\.account.baseURL) == ["https://other.example/v1", "https://example.com/api"]
                + ["https://other.example/v1", "https://other.example/v1"])
        #expect(found[0].account.credential == .bearer(Redacted("key-1")))
        #expect(found[2].account.credential == .bearer(Redacted("key-2")))
        #expect(found[1].account.credential == found[3].account.credential)
    }

    @Test(arguments: [
        (#"{}"#, "/etc/accounts.json", "list"), (#"[]"#, "/etc/accounts.json", "list"),
        (#"not JSON"#, "/etc/accounts.json", "list"), (#"[7]"#, "account 1: entry", "object"),
        (#"[{"key_env": "K"}]"#, "account 1: id", "name"),
        (#"[{"id": "a b", "key_env": "K"}]"#, "account 1: id", "name"),
        (#"[{"id": "a", "key_env": "K"}, {"id": "a", "key_env": "K"}]"#, "account 2: id", "no other"),
        (#"[{"id": "a"}]"#, "account 1: entry", "exactly one"),
        (#"[{"id": "a", "key_env": "K", "key_file": "/k"}]"#, "account 1: key_env, key_file", "exactly one"),
        (#"[{"id": "a", "key_env": "K", "wallet_key_env": "W"}]"#, "key_env, wallet_key_env", "exactly one"),
        (#"[{"id": "a", "key_env": "GEHEIM"}]"#, "account 1: key_env", "is set"),
        (#"[{"id": "a", "key_file": "/none"}]"#, "account 1: key_file", "No such file"),
        (#"[{"id": "a", "key_file": "GEHEIM"}]"#, "account 1: key_file", "readable"),
        (#"[{"id": "a", "wallet_key_env": "K"}]"#, "account 1: wallet_key_env", "64 hex digits"),
        (#"[{"id": "a", "key": "GEHEIM"}]"#, "account 1: key", "only base_url"),
        (#"[{"id": "a", "key_env": "K", "base_url": "ftp://x"}]"#, "account 1: base_url", "http"),
        (#"[{"id": "a", "key_env": "K", "takes_new_jobs": "yes"}]"#, "account 1: takes_new_jobs", "true or false"),
        (#"[{"id": "a", "key_env": "K", "takes_new_jobs": false}]"#, "/etc/accounts.json", "at least one"),
    ])
    func `what is wrong is named by file, entry and field, and no secret is shown`(
        list: String, source: String, expected: String
    ) throws {
        let error = #expect(throws: InvalidSettings.self) { try accounts(list, ["K": "GEHEIM-key"]) }
        let finding = try #require(error?.findings.first)
        #expect(finding.source.hasPrefix("/etc/accounts.json") && finding.source.hasSuffix(source))
        #expect(finding.expected.contains(expected), "\(finding)")
        #expect(!"\(finding)".contains("GEHEIM"))
    }

    @Test func `every wrong entry is named at once`() throws {
        let error = #expect(throws: InvalidSettings.self) { try accounts(#"[{"id": "a"}, {"id": "b"}, 7]"#) }
        #expect(error?.findings.count == 3)
    }

    @Test(arguments: [(0o600, true), (0o640, true), (0o400, true), (0o644, false), (0o604, false), (0o602, false)])
    func `a secret file that everybody can open is refused`(mode: Int, isRead: Bool) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "gondola-secret-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("key-1\n".utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        let environment = ["VENICE_API_KEY_FILE": path]
        if isRead {
            #expect(try Configuration.resolve(environment: environment).veniceKey == Redacted("key-1"))
        } else {
            let error = #expect(throws: InvalidSettings.self) { try Configuration.resolve(environment: environment) }
            #expect(error?.description.contains("mode \(String(mode, radix: 8))") == true)
            #expect(error?.description.contains("chmod o-rwx") == true)
        }
    }

    @Test func `a directory is no secret, and neither is a file without end`() throws {
        for path in ["/", "/dev/zero", "/none"] {
            #expect(throws: SecretFile.Unusable.self) { try SecretFile.read(path) }
        }
    }

    @Test func `new jobs spread evenly over the accounts that take them, and every process decides alike`() throws {
        let list =
            #"[{"id": "a", "key_env": "K"}, {"id": "old", "key_env": "K", "takes_new_jobs": false}, {"id": "b", "key_env": "K"}]"#
        let configuration = try resolve(
            ["K": "key-1", "GONDOLA_VENICE_ACCOUNTS_FILE": "/etc/accounts.json"], list: list)
        let here = Accounts(configuration, http: ScriptedHTTPClient())
        let there = Accounts(configuration, http: ScriptedHTTPClient())
        var dice = SplitMix(state: 3)
        let jobs = (0..<2000).map { JobID(at: Date(timeIntervalSince1970: Double($0)), using: &dice) }
        let chosen = jobs.map { here.account(forNew: $0) }
        #expect(chosen == jobs.map { there.account(forNew: $0) })
        #expect(Set(chosen) == ["a", "b"])
        #expect((800...1200).contains(chosen.count { $0 == "a" }))
        #expect(here["old"] != nil && here["none"] == nil && here.first.account.id == "a")
    }
}

/// Numbers that follow from a seed.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
