public import Foundation
public import JobLifecycle
public import VideoModels

/// Every setting of a process, with its default and its unit. Durations are seconds, sizes are bytes.
///
/// `Settings` says under which name each stands in the environment and on the command line.
public struct Configuration: Sendable {
    // Where things are.

    /// Anything libpq takes: a URI or key words, several hosts included.
    public var databaseURL = Redacted("postgres:///gondola")
    /// The server itself where `databaseURL` names a pooler, which passes no notifications on.
    public var databaseDirectURL: Redacted<String>?
    /// A standby that feeds may be read from.
    public var databaseReplicaURL: Redacted<String>?
    public var databaseConnections = 6
    /// A directory for finished videos and uploads, or a bucket: `s3://bucket/prefix`.
    public var storage = "gondola-data/objects"
    /// Where objects may still be that are on their way to `storage`.
    public var storageFormer: String?
    /// How to reach a bucket.
    public var s3 = S3Settings()
    /// With fewer free bytes than this for what is arriving, nothing new is submitted and no upload taken.
    public var storageFloor: Int64 = 1 << 30
    /// How a video in a bucket comes to a phone.
    public var storageDelivery = StorageDelivery.proxy
    /// How long a link that a phone is sent to is good for.
    public var storageLinkLifetime: TimeInterval = 900
    /// A directory of this process for the answer journal and, unless given otherwise, the key for sealed secrets.
    public var stateDirectory = "gondola-data/state"
    /// A file with the 32-byte key (base64) that secrets in the database are sealed with; all processes of a
    /// deployment share it. Made in the state directory when absent.
    public var secretKeyFile: String?

    // The upstream.

    public var veniceBaseURL = "https://api.venice.ai/api/v1"
    public var veniceKey: Redacted<String>?
    /// The private key of a wallet that pays instead of a key's account.
    public var veniceWalletKey: Redacted<String>?
    /// Names the account in the database; jobs stay with the account that submitted them.
    public var veniceAccount = "default"
    /// A file that describes several accounts, in place of the settings of the one.
    public var veniceAccountsFile: String?
    /// What was read from it.
    var accountList: [AccountSettings]?
    /// Hosts that private download links may name; a host covers its subdomains. Loopback only when named.
    public var downloadHosts = ["venice.ai"]
    /// Certificates in PEM form to trust instead of the system's.
    public var veniceAuthorityFile: String?
    /// An address with the proxy's user name and password, if it wants any; `none`; or nil for the environment's.
    public var veniceProxy: Redacted<String>?
    /// Multiplies what follows the upstream's clock: limits' windows, poll delays, back-off, time-outs, deadlines.
    public var timeScale = 1.0
    /// Submissions and retrieves that the account may make in any `rateWindow` (PROTOCOL §13).
    public var queueLimit = 40
    public var retrieveLimit = 120
    public var rateWindow: TimeInterval = 60
    public var connectTimeout: TimeInterval = 10
    /// From the request's last byte to the answer's first.
    public var answerTimeout: TimeInterval = 120
    /// Without a single byte, in the middle of an answer.
    public var idleTimeout: TimeInterval = 60
    public var modelsRefresh: TimeInterval = 300
    public var videoBytesLimit: Int64 = 8 << 30

    // The worker.

    /// Jobs that a user may have under way at once who has no limit of their own; others wait for their turn.
    public var activeJobs = 20
    /// Jobs that one process advances at the same time.
    public var workerJobs = 64
    public var lease: TimeInterval = 15
    public var leaseRenewal: TimeInterval = 5
    /// The longest wait between two looks for due jobs; wake-ups come sooner.
    public var claimInterval: TimeInterval = 1
    /// Makes posters and previews, with `ffprobe` beside it; `none` for going without.
    public var ffmpeg = "ffmpeg"
    /// When and how often; `JobPolicy` has the units. Before scaling by `timeScale`.
    public var policy = JobPolicy()

    // Money; nil is no limit. Days and months are UTC.

    /// What all users together may spend; jobs beyond it wait.
    public var spendingCapPerDay: Money?
    public var spendingCapPerMonth: Money?
    /// What each user who has no budget of their own may spend; jobs beyond it fail unpaid.
    public var userBudgetPerDay: Money?
    public var userBudgetPerMonth: Money?

    // The phone's API.

    public var listen = ListenAddress(host: "127.0.0.1", port: 8080)
    public var opsListen = ListenAddress(host: "127.0.0.1", port: 8081)
    /// Addresses of reverse proxies: their `X-Forwarded-For` is believed, and they may open any number of connections.
    public var trustedProxies: [String] = []
    public var assetBytesLimit: Int64 = 25 << 20
    /// What all of a user's uploads together may have, in bytes and in number; unfinished ones count.
    public var assetQuota: Int64 = 2 << 30
    public var assetCount = 1000
    /// An upload that no quote and no job names for so long goes, unless a job under way needs it.
    public var assetRetention: TimeInterval = 30 * 86_400
    /// An unfinished upload that nobody goes on with for so long goes.
    public var uploadRetention: TimeInterval = 86_400
    /// The longest that a phone may let a signed link live.
    public var linkLifetimeLimit: TimeInterval = 86_400
    /// A file of keys (32 bytes in base64, a line each) for signed links: the first signs, the others are still taken. Without
    /// it a key follows from `secretKeyFile`.
    public var linkKeysFile: String?
    /// The longest `wait` of a long-poll.
    public var feedWaitLimit: TimeInterval = 60
    /// How often one look is taken for all waiting feeds together, should wake-ups fail; a sixth as often while they come.
    public var feedPollInterval: TimeInterval = 5
    public var feedPageLimit = 500
    /// A page with a single change may be larger.
    public var feedPageBytes: Int64 = 1 << 20
    /// The longest that a read waits for the write that it names.
    public var feedVisibilityWait: TimeInterval = 10
    /// How often a stream without news says that it lives.
    public var feedHeartbeat: TimeInterval = 15
    /// How long a stream may last; its phone then goes on with another.
    public var feedStreamLifetime: TimeInterval = 3600
    /// Of each device; a minute's worth may come at once.
    public var requestsPerMinute = 1200
    /// Requests that a device may have under way, waiting feeds and streams among them.
    public var requestsAtOnce = 32

    // The process.

    /// After SIGTERM, how long what is under way may take to end.
    public var drain: TimeInterval = 20
    /// How long things are kept that nobody asks for any more.
    public var retention = RetentionSettings()
    public var logLevel = LogLevel.info
    public var logFormat = LogFormat.text

    public init() {}

    var budgets: BudgetPolicy {
        BudgetPolicy(
            cap: SpendingLimits(perDay: spendingCapPerDay, perMonth: spendingCapPerMonth),
            perUser: SpendingLimits(perDay: userBudgetPerDay, perMonth: userBudgetPerMonth))
    }

    public enum LogLevel: String, Sendable, CaseIterable { case trace, debug, info, notice, warning, error }
    /// Through this process, or straight from the service, which phones must then be able to reach.
    public enum StorageDelivery: String, Sendable, CaseIterable { case proxy, redirect }
    public enum LogFormat: String, Sendable, CaseIterable { case text, json }
}

/// A host and a TCP port to listen on; port 0 takes any that is free.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
