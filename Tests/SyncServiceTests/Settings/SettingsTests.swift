import Foundation
import JobLifecycle
import Testing
import VideoModels

@testable import SyncService

struct SettingsTests {
    /// For every setting a value that is not its default.
    static let samples = [
        "GONDOLA_DATABASE_DIRECT_URL": "postgres://db/direct", "GONDOLA_DATABASE_REPLICA_URL": "postgres://db/standby",
        "DATABASE_URL": "postgres://db/other", "GONDOLA_DATABASE_CONNECTIONS": "9", "GONDOLA_STORAGE": "/srv/objects",
        "GONDOLA_STORAGE_FORMER": "/srv/old", "GONDOLA_STORAGE_FLOOR": "2GiB", "GONDOLA_STORAGE_DELIVERY": "redirect",
        "GONDOLA_STORAGE_LINK_LIFETIME": "10m", "GONDOLA_S3_ADDRESSING": "path", "AWS_ACCESS_KEY_ID": "AK",
        "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token", "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-2", "AWS_ENDPOINT_URL_S3": "https://s3.example.com",
        "AWS_PROFILE": "videos",
        "AWS_SHARED_CREDENTIALS_FILE": "/etc/aws/credentials", "AWS_CONFIG_FILE": "/etc/aws/config",
        "AWS_ENDPOINT_URL": "https://aws.example.com", "AWS_CA_BUNDLE": "/etc/s3.pem",
        "GONDOLA_STATE_DIR": "/srv/state", "GONDOLA_SECRET_KEY_FILE": "/etc/gondola.key",
        "VENICE_BASE_URL": "https://example.com/api", "VENICE_API_KEY": "key-1", "VENICE_ACCOUNT": "second",
        "VENICE_CA_FILE": "/etc/authority.pem", "VENICE_PROXY": "http://user:secret@proxy.example:3128",
        "VENICE_WALLET_KEY": String(repeating: "46", count: 32), "GONDOLA_VENICE_ACCOUNTS_FILE": "/etc/accounts.json",
        "VENICE_DOWNLOAD_HOSTS": "cdn.example.com, 127.0.0.1", "GONDOLA_TIME_SCALE": "0.25",
        "GONDOLA_QUEUE_LIMIT": "41", "GONDOLA_RETRIEVE_LIMIT": "121", "GONDOLA_RATE_WINDOW": "2m",
        "GONDOLA_CONNECT_TIMEOUT": "11s", "GONDOLA_ANSWER_TIMEOUT": "130s", "GONDOLA_IDLE_TIMEOUT": "61s",
        "GONDOLA_MODELS_REFRESH": "10m", "GONDOLA_VIDEO_BYTES_LIMIT": "1GiB", "GONDOLA_WORKER_JOBS": "65",
        "GONDOLA_LEASE": "16s", "GONDOLA_LEASE_RENEWAL": "6s", "GONDOLA_CLAIM_INTERVAL": "500ms",
        "GONDOLA_POLL_LEAST_GAP": "3", "GONDOLA_POLL_SERVER_ERROR_GAP": "16", "GONDOLA_POLL_RECHECK_AGE": "61s",
        "GONDOLA_POLL_UNKNOWN_USUAL": "4m",
        "GONDOLA_BACKOFF_FIRST": "600ms", "GONDOLA_BACKOFF_LONGEST": "31s", "GONDOLA_RENDER_DEADLINE": "25h",
        "GONDOLA_ACTIVE_JOBS": "21", "GONDOLA_RETRY_TRIES": "501", "GONDOLA_RETRY_AGE": "3h",
        "GONDOLA_RETRY_PATIENCE": "25h", "GONDOLA_MODEL_PAUSE_FIRST": "16s", "GONDOLA_MODEL_PAUSE_LONGEST": "16m",
        "GONDOLA_SERVER_ERROR_LIMIT": "6", "GONDOLA_CLEAN_UP_LIMIT": "7", "GONDOLA_UNKNOWN_OUTCOME": "fail",
        "GONDOLA_SPENDING_CAP_PER_DAY": "100", "GONDOLA_SPENDING_CAP_PER_MONTH": "1000.50",
        "GONDOLA_USER_BUDGET_PER_DAY": "5", "GONDOLA_USER_BUDGET_PER_MONTH": "50",
        "GONDOLA_LISTEN": "0.0.0.0:80", "GONDOLA_TRUSTED_PROXIES": "127.0.0.1,::1", "GONDOLA_OPS_LISTEN": "[::1]:81",
        "GONDOLA_ASSET_BYTES_LIMIT": "26MB", "GONDOLA_ASSET_QUOTA": "3GiB", "GONDOLA_ASSET_COUNT": "999",
        "GONDOLA_ASSET_RETENTION": "31d", "GONDOLA_UPLOAD_RETENTION": "25h", "GONDOLA_LINK_LIFETIME": "2h",
        "GONDOLA_LINK_KEYS_FILE": "/etc/links.key",
        "GONDOLA_FEED_WAIT_LIMIT": "59s", "GONDOLA_FEED_POLL_INTERVAL": "6s", "GONDOLA_FEED_PAGE_LIMIT": "400",
        "GONDOLA_FEED_PAGE_BYTES": "2MiB", "GONDOLA_FEED_VISIBILITY_WAIT": "9s", "GONDOLA_FEED_HEARTBEAT": "16s",
        "GONDOLA_FEED_STREAM_LIFETIME": "2h",
        "GONDOLA_REQUESTS_PER_MINUTE": "1100", "GONDOLA_REQUESTS_AT_ONCE": "31",
        "GONDOLA_DRAIN": "21s", "GONDOLA_TOMBSTONE_RETENTION": "31d", "GONDOLA_KEY_RETENTION": "25h",
        "GONDOLA_DURATION_RETENTION": "181d", "GONDOLA_PRUNE_INTERVAL": "2h", "GONDOLA_PRUNE_BATCH": "999",
        "GONDOLA_DELETE_GRACE": "3d", "GONDOLA_KEEP_DAYS": "90", "GONDOLA_KEEP_NEWEST": "100", "GONDOLA_QUOTA": "5GiB",
        "GONDOLA_QUOTA_FULL": "remove-oldest", "GONDOLA_FFMPEG": "/opt/ffmpeg",
        "GONDOLA_LOG_LEVEL": "debug", "GONDOLA_LOG_FORMAT": "json",
    ]

    @Test func `every setting reads its value and finds its place`() throws {
        #expect(Set(Setting.all.map(\.name)) == Set(Self.samples.keys))
        for setting in Setting.all {
            var configuration = Configuration()
            #expect(setting.apply(try #require(Self.samples[setting.name]), &configuration), "\(setting.name)")
            #expect(facts(of: configuration) != facts(of: Configuration()), "\(setting.name) changes nothing")
        }
    }

    @Test func `every field of the configuration can be set`() throws {
        // A key, a wallet and a list of accounts exclude one another.
        let credentials = ["VENICE_API_KEY", "VENICE_WALLET_KEY", "GONDOLA_VENICE_ACCOUNTS_FILE"]
        var changed: Set<String> = []
        for credential in credentials {
            var samples = Self.samples.filter { !credentials.contains($0.key) || $0.key == credential }
            if credential.hasSuffix("FILE") { samples["VENICE_ACCOUNT"] = nil }
            samples["KEY"] = "key-2"
            let resolved = try Configuration.resolve(
                environment: samples, readPlain: { _ in #"[{"id": "a", "key_env": "KEY"}]"# })
            let defaults = facts(of: Configuration())
            changed.formUnion(facts(of: resolved).filter { defaults[$0.key] != $0.value }.keys)
        }
        for field in facts(of: Configuration()).keys { #expect(changed.contains(field), "no setting for \(field)") }
    }

    @Test func `a default reads back as itself`() throws {
        for setting in Setting.all {
            guard let text = setting.defaultText else { continue }
            var configuration = Configuration()
            #expect(setting.apply(text, &configuration), "\(setting.name) refuses its own default \(text)")
            #expect(facts(of: configuration) == facts(of: Configuration()), "\(setting.name)")
        }
    }

    @Test func `names and flags follow one rule and are unique`() {
        #expect(Set(Setting.all.map(\.name)).count == Setting.all.count)
        #expect(Set(Setting.all.compactMap(\.flag)).count == Setting.all.count { $0.flag != nil })
        #expect(Setting.all.first { $0.name == "GONDOLA_OPS_LISTEN" }?.flag == "ops-listen")
        #expect(Setting.all.first { $0.name == "VENICE_BASE_URL" }?.flag == "venice-base-url")
        #expect(Setting.all.first { $0.name == "VENICE_API_KEY" }?.flag == nil)
    }

    @Test func `a flag wins over the environment, and an empty variable counts as absent`() throws {
        let environment = ["GONDOLA_LEASE": "20s", "GONDOLA_STORAGE": "", "VENICE_API_KEY": ""]
        let configuration = try Configuration.resolve(flags: ["lease": "30s"], environment: environment)
        #expect(configuration.lease == 30)
        #expect(configuration.storage == Configuration().storage)
        #expect(configuration.veniceKey == nil)
    }

    @Test func `all wrong values are named at once, with what was expected`() throws {
        let error = #expect(throws: InvalidSettings.self) {
            try Configuration.resolve(
                flags: ["listen": "nowhere"], environment: ["GONDOLA_LEASE": "soon", "GONDOLA_LOG_LEVEL": "loud"])
        }
        let findings = try #require(error?.findings)
        #expect(findings.map(\.source).sorted() == ["--listen", "GONDOLA_LEASE", "GONDOLA_LOG_LEVEL"])
        let text = try #require(error?.description)
        #expect(text.contains("--listen is \"nowhere\": expected HOST:PORT"))
        #expect(text.contains("expected one of trace, debug, info, notice, warning, error"))
    }

    @Test func `a wrong secret is named and not shown`() throws {
        let error = #expect(throws: InvalidSettings.self) {
            try Configuration.resolve(environment: ["VENICE_API_KEY": "geheim nis"])
        }
        let text = try #require(error?.description)
        #expect(text.hasPrefix("VENICE_API_KEY is not usable"))
        #expect(!text.contains("geheim"))
    }

    @Test func `the key comes from a file, and not from two places`() throws {
        let files = ["/run/key": " key-2\n", "/run/two": "a\nb"]
        func resolve(_ environment: [String: String]) throws -> Configuration {
            try Configuration.resolve(
                environment: environment,
                readSecret: { path in
                    guard let text = files[path] else { throw CocoaError(.fileNoSuchFile) }
                    return text
                })
        }
        #expect(try resolve(["VENICE_API_KEY_FILE": "/run/key"]).veniceKey == Redacted("key-2"))
        #expect(throws: InvalidSettings.self) { try resolve(["VENICE_API_KEY_FILE": "/run/none"]) }
        #expect(throws: InvalidSettings.self) { try resolve(["VENICE_API_KEY_FILE": "/run/two"]) }
        #expect(throws: InvalidSettings.self) {
            try resolve(["VENICE_API_KEY_FILE": "/run/key", "VENICE_API_KEY": "key-1"])
        }
    }

    @Test func `a bucket wants names that can stand in an address`() throws {
        func findings(_ environment: [String: String]) -> [String] {
            do {
                _ = try Configuration.resolve(environment: environment)
                return []
            } catch { return error.findings.map(\.source) }
        }
        #expect(findings(["GONDOLA_STORAGE": "s3://videos/eu"]) == [])
        for wrong in ["s3://", "s3://UPPER", "s3://ab", "s3://videos/a b"] {
            #expect(findings(["GONDOLA_STORAGE": wrong]) == ["GONDOLA_STORAGE"])
        }
        let bucket = ["GONDOLA_STORAGE": "s3://videos"]
        for (name, value) in [
            ("AWS_ENDPOINT_URL_S3", "s3.example.com"), ("AWS_ENDPOINT_URL", "https://s3.example.com/path"),
            ("AWS_REGION", "Frankfurt am Main"), ("AWS_DEFAULT_REGION", "a/b"),
        ] {
            #expect(findings(bucket.merging([name: value]) { $1 }) == [name])
        }
        // Another program's variables are none of our business where files lie in a directory.
        #expect(findings(["AWS_ENDPOINT_URL": "nonsense", "AWS_REGION": "a/b"]) == [])
    }

    @Test(arguments: [
        ["GONDOLA_LEASE": "8s", "GONDOLA_LEASE_RENEWAL": "5s"],
        ["GONDOLA_BACKOFF_FIRST": "1m"], ["GONDOLA_OPS_LISTEN": "127.0.0.1:8080"],
    ])
    func `values that contradict each other are refused`(_ environment: [String: String]) {
        #expect(throws: InvalidSettings.self) { try Configuration.resolve(environment: environment) }
    }

    @Test(arguments: [
        ("GONDOLA_LEASE", "0"), ("GONDOLA_LEASE", "-5s"), ("GONDOLA_LEASE", "1e3"), ("GONDOLA_LEASE", "nan"),
        ("GONDOLA_LEASE", "15 s"), ("GONDOLA_WORKER_JOBS", "0"), ("GONDOLA_WORKER_JOBS", "+5"),
        ("GONDOLA_WORKER_JOBS", "99999999999999999999"), ("GONDOLA_TIME_SCALE", "0"), ("GONDOLA_TIME_SCALE", "inf"),
        ("GONDOLA_VIDEO_BYTES_LIMIT", "8 GiB"), ("GONDOLA_VIDEO_BYTES_LIMIT", "9999999TiB"),
        ("GONDOLA_LISTEN", "127.0.0.1"), ("GONDOLA_LISTEN", "::1:80"), ("GONDOLA_LISTEN", "localhost:65536"),
        ("GONDOLA_LISTEN", ":80"), ("VENICE_BASE_URL", "ftp://x"), ("VENICE_BASE_URL", "https://u:p@x"),
        ("VENICE_PROXY", "proxy.example:3128"), ("VENICE_PROXY", "http://proxy.example"), ("VENICE_PROXY", "ftp://a:1"),
        ("VENICE_DOWNLOAD_HOSTS", ","), ("VENICE_DOWNLOAD_HOSTS", "https://x"), ("VENICE_ACCOUNT", "a b"),
        ("GONDOLA_UNKNOWN_OUTCOME", "maybe"), ("GONDOLA_SPENDING_CAP_PER_DAY", "-1"),
        ("GONDOLA_USER_BUDGET_PER_MONTH", "$5"),
    ])
    func `what is no such value is refused`(_ name: String, _ text: String) throws {
        let error = #expect(throws: InvalidSettings.self) { try Configuration.resolve(environment: [name: text]) }
        #expect(error?.findings.map(\.source) == [name])
    }

    @Test func `an unknown variable suggests the name that was meant`() {
        let environment = [
            "GONDOLA_LISTENN": "x", "GONDOLA_TOKEN": "x", "GONDOLA_SERVER": "x", "GONDOLA_LEASE": "x", "HOME": "x",
        ]
        let unknown = Configuration.unknownVariables(in: environment)
        #expect(unknown.map(\.name) == ["GONDOLA_LISTENN"])
        #expect(unknown.map(\.nearest) == ["GONDOLA_LISTEN"])
    }

    /// Every stored field with its value, those of the policy spelled out, secrets opened.
    private func facts(of configuration: Configuration) -> [String: String] {
        var facts: [String: String] = [:]
        func collect(_ value: Any, under name: String) {
            let parts = Mirror(reflecting: value).children
            switch value {
            case let secret as Redacted<String>: facts[name] = secret.reveal()
            case let secret as Redacted<String>?: facts[name] = secret?.reveal() ?? "-"
            case is JobPolicy, is PollPolicy, is Backoff, is S3Settings, is Configuration:
                for part in parts { collect(part.value, under: "\(name).\(part.label ?? "")") }
            default: facts[name] = "\(value)"
            }
        }
        collect(configuration, under: "")
        return facts
    }
}

struct UnitTextTests {
    @Test(arguments: [
        ("500ms", 0.5), ("15s", 15), ("15", 15), ("1.5m", 90), ("24h", 86400), ("30d", 2_592_000), ("0", 0),
    ])
    func `durations read with their unit`(_ text: String, _ seconds: Double) {
        #expect(DurationText.parse(text) == seconds)
    }

    @Test(arguments: ["", "s", "ms", "-1s", "1.2.3", "1 s", "5 m", "1w", "0x10", "∞", "١s", "1s1s", ".5s"])
    func `what is no duration is refused`(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: [(0.5, "500ms"), (15, "15s"), (60, "1m"), (90, "90s"), (86400, "24h"), (0, "0s"), (0.05, "50ms")])
    func `durations are written in the largest unit that is exact`(_ seconds: Double, _ text: String) {
        #expect(DurationText.show(seconds) == text)
        #expect(DurationText.parse(text) == seconds)
    }

    @Test(arguments: [
        ("25MB", 25_000_000), ("8GiB", 8 << 30), ("1.5KiB", 1536), ("100", 100), ("100B", 100), ("2kB", 2000),
    ])
    func `sizes read with their unit`(_ text: String, _ bytes: Int64) {
        #expect(SizeText.parse(text) == bytes)
    }

    @Test(arguments: ["", "MB", "-1", "1e9", "25 MB", "1PiB", "99999999999TiB"])
    func `what is no size is refused`(_ text: String) {
        #expect(SizeText.parse(text) == nil)
    }

    @Test func `sizes are written exactly for settings and rounded for people`() {
        #expect(SizeText.show(8 << 30) == "8GiB")
        #expect(SizeText.show(25 << 20) == "25MiB")
        #expect(SizeText.show(1500) == "1500B")
        #expect(SizeText.rounded(999) == "999 B")
        #expect(SizeText.rounded(1_129_437) == "1.13 MB")
        #expect(SizeText.rounded(999_700) == "1.00 MB")
        #expect(SizeText.rounded(45_600_000) == "45.6 MB")
    }
}
