import ArgumentParser
import Foundation
import SyncService

/// A flag for every setting that may have one. `Setting` has the names, the help and the defaults.
struct SettingFlags: ParsableArguments {
    @OptionGroup(title: "Where things are") var places: PlaceFlags
    @OptionGroup(title: "The upstream") var upstream: UpstreamFlags
    @OptionGroup(title: "The worker") var worker: WorkerFlags
    @OptionGroup(title: "Money") var money: MoneyFlags
    @OptionGroup(title: "The phone's API") var phones: PhoneFlags
    @OptionGroup(title: "The process") var process: ProcessFlags

    /// The flags that were given, keyed as `Configuration.resolve` wants them.
    var given: [String: String] {
        let groups: [any SettingGroup] = [places, upstream, worker, money, phones, process]
        return groups.reduce(into: [:]) { all, group in all.merge(group.given) { $1 } }
    }

    /// The configuration from flags and environment. Names that look like settings and are none get a warning.
    func resolve() throws -> Configuration {
        let environment = ProcessInfo.processInfo.environment
        for (name, nearest) in Configuration.unknownVariables(in: environment) {
            Terminal.complain("gondola: warning: \(name) in the environment is no setting; did you mean \(nearest)?")
        }
        return try Configuration.resolve(flags: given, environment: environment)
    }
}

/// Options whose names, in kebab case, are flags of settings.
protocol SettingGroup: ParsableArguments {}

extension SettingGroup {
    var given: [String: String] {
        Mirror(reflecting: self).children.reduce(into: [:]) { flags, child in
            guard let label = child.label, let value = (child.value as? Option<String?>)?.wrappedValue else { return }
            flags[kebab(label.drop { $0 == "_" })] = value
        }
    }
}

/// `opsListen` → `ops-listen`
private func kebab(_ name: Substring) -> String {
    name.reduce(into: "") { result, letter in
        if letter.isUppercase { result += "-" }
        result += letter.lowercased()
    }
}

extension Option where Value == String? {
    init(setting flag: String) {
        self.init(name: .customLong(flag), help: SettingHelp.all[flag])
    }
}

/// The help of each flag, made once: the parser makes every option many times over.
private enum SettingHelp {
    static let all = Dictionary(
        Setting.all.compactMap { setting in
            setting.flag.map {
                ($0, ArgumentHelp(stringLiteral: setting.helpLine).named(setting.placeholder.lowercased()))
            }
        } + Configuration.secretFileFlags.map { ($0, ArgumentHelp(stringLiteral: $1).named("path")) },
        uniquingKeysWith: { first, _ in first })
}

extension ArgumentHelp {
    fileprivate func named(_ value: String) -> ArgumentHelp {
        var help = self
        help.valueName = value
        return help
    }
}

struct PlaceFlags: SettingGroup {
    @Option(setting: "database-url") var databaseUrl: String?
    @Option(setting: "database-connections") var databaseConnections: String?
    @Option(setting: "storage") var storage: String?
    @Option(setting: "storage-former") var storageFormer: String?
    @Option(setting: "storage-floor") var storageFloor: String?
    @Option(setting: "storage-delivery") var storageDelivery: String?
    @Option(setting: "storage-link-lifetime") var storageLinkLifetime: String?
    @Option(setting: "s3-addressing") var s3Addressing: String?
    @Option(setting: "state-dir") var stateDir: String?
    @Option(setting: "secret-key-file") var secretKeyFile: String?
}

struct UpstreamFlags: SettingGroup {
    @Option(setting: "venice-base-url") var veniceBaseUrl: String?
    @Option(setting: "venice-api-key-file") var veniceApiKeyFile: String?
    @Option(setting: "venice-wallet-key-file") var veniceWalletKeyFile: String?
    @Option(setting: "venice-accounts-file") var veniceAccountsFile: String?
    @Option(setting: "venice-account") var veniceAccount: String?
    @Option(setting: "venice-download-hosts") var veniceDownloadHosts: String?
    @Option(setting: "venice-ca-file") var veniceCaFile: String?
    @Option(setting: "time-scale") var timeScale: String?
    @Option(setting: "queue-limit") var queueLimit: String?
    @Option(setting: "retrieve-limit") var retrieveLimit: String?
    @Option(setting: "rate-window") var rateWindow: String?
    @Option(setting: "connect-timeout") var connectTimeout: String?
    @Option(setting: "answer-timeout") var answerTimeout: String?
    @Option(setting: "idle-timeout") var idleTimeout: String?
    @Option(setting: "models-refresh") var modelsRefresh: String?
    @Option(setting: "video-bytes-limit") var videoBytesLimit: String?
}

struct WorkerFlags: SettingGroup {
    @Option(setting: "active-jobs") var activeJobs: String?
    @Option(setting: "worker-jobs") var workerJobs: String?
    @Option(setting: "lease") var lease: String?
    @Option(setting: "lease-renewal") var leaseRenewal: String?
    @Option(setting: "claim-interval") var claimInterval: String?
    @Option(setting: "poll-least-gap") var pollLeastGap: String?
    @Option(setting: "poll-server-error-gap") var pollServerErrorGap: String?
    @Option(setting: "poll-recheck-age") var pollRecheckAge: String?
    @Option(setting: "poll-unknown-usual") var pollUnknownUsual: String?
    @Option(setting: "backoff-first") var backoffFirst: String?
    @Option(setting: "backoff-longest") var backoffLongest: String?
    @Option(setting: "retry-tries") var retryTries: String?
    @Option(setting: "retry-age") var retryAge: String?
    @Option(setting: "retry-patience") var retryPatience: String?
    @Option(setting: "model-pause-first") var modelPauseFirst: String?
    @Option(setting: "model-pause-longest") var modelPauseLongest: String?
    @Option(setting: "render-deadline") var renderDeadline: String?
    @Option(setting: "server-error-limit") var serverErrorLimit: String?
    @Option(setting: "clean-up-limit") var cleanUpLimit: String?
    @Option(setting: "ffmpeg") var ffmpeg: String?
    @Option(setting: "unknown-outcome") var unknownOutcome: String?
}

struct MoneyFlags: SettingGroup {
    @Option(setting: "spending-cap-per-day") var spendingCapPerDay: String?
    @Option(setting: "spending-cap-per-month") var spendingCapPerMonth: String?
    @Option(setting: "user-budget-per-day") var userBudgetPerDay: String?
    @Option(setting: "user-budget-per-month") var userBudgetPerMonth: String?
}

struct PhoneFlags: SettingGroup {
    @Option(setting: "listen") var listen: String?
    @Option(setting: "ops-listen") var opsListen: String?
    @Option(setting: "trusted-proxies") var trustedProxies: String?
    @Option(setting: "asset-bytes-limit") var assetBytesLimit: String?
    @Option(setting: "asset-quota") var assetQuota: String?
    @Option(setting: "asset-count") var assetCount: String?
    @Option(setting: "asset-retention") var assetRetention: String?
    @Option(setting: "upload-retention") var uploadRetention: String?
    @Option(setting: "link-lifetime") var linkLifetime: String?
    @Option(setting: "link-keys-file") var linkKeysFile: String?
    @Option(setting: "feed-wait-limit") var feedWaitLimit: String?
    @Option(setting: "feed-poll-interval") var feedPollInterval: String?
    @Option(setting: "feed-page-limit") var feedPageLimit: String?
    @Option(setting: "feed-page-bytes") var feedPageBytes: String?
    @Option(setting: "feed-visibility-wait") var feedVisibilityWait: String?
    @Option(setting: "feed-heartbeat") var feedHeartbeat: String?
    @Option(setting: "feed-stream-lifetime") var feedStreamLifetime: String?
    @Option(setting: "requests-per-minute") var requestsPerMinute: String?
    @Option(setting: "requests-at-once") var requestsAtOnce: String?
}

struct ProcessFlags: SettingGroup {
    @Option(setting: "drain") var drain: String?
    @Option(setting: "tombstone-retention") var tombstoneRetention: String?
    @Option(setting: "delete-grace") var deleteGrace: String?
    @Option(setting: "keep-days") var keepDays: String?
    @Option(setting: "keep-newest") var keepNewest: String?
    @Option(setting: "quota") var quota: String?
    @Option(setting: "quota-full") var quotaFull: String?
    @Option(setting: "key-retention") var keyRetention: String?
    @Option(setting: "duration-retention") var durationRetention: String?
    @Option(setting: "prune-interval") var pruneInterval: String?
    @Option(setting: "prune-batch") var pruneBatch: String?
    @Option(setting: "log-level") var logLevel: String?
    @Option(setting: "log-format") var logFormat: String?
}
