import JobLifecycle
import ObjectStorage
import VideoModels

extension Setting {
    /// Every setting. Those that follow the upstream's clock are multiplied by `GONDOLA_TIME_SCALE`.
    public static let all: [Setting] = places + upstream + worker + money + phones + process

    private static let year: Double = 365 * 86400
    private static let any = ValueFormat.duration(0.001...year)

    private static let places: [Setting] = [
        Setting(
            .places, "DATABASE_URL", \.databaseURL, ValueFormat.databaseAddress.redacted(),
            "The Postgres database: a URI or key words, several hosts included", isSecret: true),
        Setting(
            .places, "GONDOLA_DATABASE_DIRECT_URL", \.databaseDirectURL,
            ValueFormat.databaseAddress.redacted().optional(),
            "The server itself, for notifications, where DATABASE_URL names a pooler such as PgBouncer", isSecret: true,
            hasFlag: false),
        Setting(
            .places, "GONDOLA_DATABASE_REPLICA_URL", \.databaseReplicaURL,
            ValueFormat.databaseAddress.redacted().optional(),
            "A standby to read feeds from, where it shows what the primary does", isSecret: true, hasFlag: false),
        Setting(
            .places, "GONDOLA_DATABASE_CONNECTIONS", \.databaseConnections, .count(1...1000),
            "Connections to the database that this process may hold"),
        Setting(
            .places, "GONDOLA_STORAGE", \.storage, .path,
            "Directory for finished videos and uploads, or s3://BUCKET/PREFIX with the usual AWS_ variables"),
        Setting(
            .places, "GONDOLA_STORAGE_FORMER", \.storageFormer, ValueFormat.path.optional(),
            "Where else videos and uploads are, until gondola storage move has brought them over"),
        Setting(
            .places, "GONDOLA_STORAGE_FLOOR", \.storageFloor, .size(upTo: 1 << 50),
            "With less free than this nothing new is submitted or uploaded"),
        Setting(
            .places, "GONDOLA_STORAGE_DELIVERY", \.storageDelivery, .oneOf("WAY"),
            "How a video in a bucket comes to a phone: proxy (through here), or redirect (from the service, by a link)"),
        Setting(
            .places, "GONDOLA_STORAGE_LINK_LIFETIME", \.storageLinkLifetime, .duration(1...604_800),
            "How long such a link is good for"),
        Setting(
            .places, "GONDOLA_S3_ADDRESSING", \.s3.addressing, .oneOf("HOW"),
            "Where a bucket's name stands in addresses: path, host, or automatic (host at Amazon, path elsewhere)"),
        Setting(
            .places, "AWS_ACCESS_KEY_ID", \.s3.accessKeyID, ValueFormat.text.optional(), "The key for the bucket",
            hasFlag: false),
        Setting(
            .places, "AWS_SECRET_ACCESS_KEY", \.s3.secretAccessKey, ValueFormat.text.redacted().optional(),
            "Its secret", isSecret: true, hasFlag: false),
        Setting(
            .places, "AWS_SESSION_TOKEN", \.s3.sessionToken, ValueFormat.text.redacted().optional(),
            "The token of temporary credentials", isSecret: true, hasFlag: false),
        Setting(
            .places, "AWS_PROFILE", \.s3.profile, ValueFormat.text.optional(),
            "The profile in ~/.aws that has the key, where AWS_ACCESS_KEY_ID is not set", hasFlag: false),
        Setting(
            .places, "AWS_SHARED_CREDENTIALS_FILE", \.s3.credentialsFile, ValueFormat.path.optional(),
            "File of profiles with their keys, instead of ~/.aws/credentials", hasFlag: false),
        Setting(
            .places, "AWS_CONFIG_FILE", \.s3.configFile, ValueFormat.path.optional(),
            "File of profiles with their regions, instead of ~/.aws/config", hasFlag: false),
        Setting(
            .places, "AWS_REGION", \.s3.region, ValueFormat.text.optional(), "The bucket's region", hasFlag: false),
        Setting(
            .places, "AWS_DEFAULT_REGION", \.s3.defaultRegion, ValueFormat.text.optional(),
            "The bucket's region where AWS_REGION is not set", hasFlag: false),
        Setting(
            .places, "AWS_ENDPOINT_URL_S3", \.s3.endpoint, ValueFormat.text.optional(),
            "Where the service is, if not at Amazon", hasFlag: false),
        Setting(
            .places, "AWS_ENDPOINT_URL", \.s3.generalEndpoint, ValueFormat.text.optional(),
            "The same where AWS_ENDPOINT_URL_S3 is not set", hasFlag: false),
        Setting(
            .places, "AWS_CA_BUNDLE", \.s3.authorityFile, ValueFormat.path.optional(),
            "File of certificates (PEM) to trust for the service instead of the system's", hasFlag: false),
        Setting(
            .places, "GONDOLA_STATE_DIR", \.stateDirectory, .path,
            "Directory of this process alone, for its journal of answers"),
        Setting(
            .places, "GONDOLA_SECRET_KEY_FILE", \.secretKeyFile, ValueFormat.path.optional(),
            "File with the key (32 bytes in base64) that seals secrets in the database; the same for all processes. "
                + "Made in the state directory when absent"),
    ]

    private static let upstream: [Setting] = [
        Setting(.upstream, "VENICE_BASE_URL", \.veniceBaseURL, .webAddress, "Where the Venice API is"),
        Setting(
            .upstream, "VENICE_API_KEY", \.veniceKey, ValueFormat.key.redacted().optional(), "The key of the account",
            isSecret: true, hasFlag: false),
        Setting(
            .upstream, "VENICE_WALLET_KEY", \.veniceWalletKey, ValueFormat.walletKey.optional(),
            "The private key of the wallet that pays, instead of the account of a key", isSecret: true, hasFlag: false),
        Setting(
            .upstream, "GONDOLA_VENICE_ACCOUNTS_FILE", \.veniceAccountsFile, ValueFormat.path.optional(),
            "File with a JSON list of several accounts, in place of VENICE_ACCOUNT and its key"),
        Setting(
            .upstream, "VENICE_ACCOUNT", \.veniceAccount, .word,
            "Name of the account in the database; jobs stay with the account that submitted them"),
        Setting(
            .upstream, "VENICE_DOWNLOAD_HOSTS", \.downloadHosts, .hosts,
            "Hosts, with their subdomains, that private download links may name; loopback only when named"),
        Setting(
            .upstream, "VENICE_CA_FILE", \.veniceAuthorityFile, ValueFormat.path.optional(),
            "File of certificates (PEM) to trust instead of the system's"),
        Setting(
            .upstream, "VENICE_PROXY", \.veniceProxy, ValueFormat.proxy.redacted().optional(),
            "The proxy to go through, or `none`. Without it: https_proxy, http_proxy, all_proxy and no_proxy",
            isSecret: true, hasFlag: false),
        Setting(
            .upstream, "GONDOLA_TIME_SCALE", \.timeScale, .factor,
            "Multiplies what follows the upstream's clock: windows of limits, poll delays, back-off, time-outs, "
                + "deadlines"),
        Setting(
            .upstream, "GONDOLA_QUEUE_LIMIT", \.queueLimit, .count(1...1_000_000),
            "Submissions that the account may make in a rate window"),
        Setting(
            .upstream, "GONDOLA_RETRIEVE_LIMIT", \.retrieveLimit, .count(1...1_000_000),
            "Retrieves that the account may make in a rate window"),
        Setting(.upstream, "GONDOLA_RATE_WINDOW", \.rateWindow, .duration(0.1...86400), "The window of those limits"),
        Setting(
            .upstream, "GONDOLA_CONNECT_TIMEOUT", \.connectTimeout, .duration(0.001...3600),
            "How long a connection may take, its TLS handshake included"),
        Setting(
            .upstream, "GONDOLA_ANSWER_TIMEOUT", \.answerTimeout, .duration(0.001...3600),
            "How long after a request its answer may begin"),
        Setting(
            .upstream, "GONDOLA_IDLE_TIMEOUT", \.idleTimeout, .duration(0.001...3600),
            "How long an answer may stand still in the middle"),
        Setting(
            .upstream, "GONDOLA_MODELS_REFRESH", \.modelsRefresh, .duration(1...86400),
            "How often the list of models is fetched"),
        Setting(
            .upstream, "GONDOLA_VIDEO_BYTES_LIMIT", \.videoBytesLimit, .size(upTo: 1 << 40),
            "The largest video that is brought home"),
    ]

    private static let worker: [Setting] = [
        Setting(
            .worker, "GONDOLA_ACTIVE_JOBS", \.activeJobs, .count(1...1_000_000),
            "Jobs that a user may have under way at once; the others wait for their turn. `gondola users limit` sets it "
                + "for one user"),
        Setting(
            .worker, "GONDOLA_WORKER_JOBS", \.workerJobs, .count(1...10_000),
            "Jobs that this process advances at the same time"),
        Setting(
            .worker, "GONDOLA_LEASE", \.lease, .duration(1...3600),
            "How long a job stays with a worker that says nothing; a dead worker's jobs move on after it"),
        Setting(
            .worker, "GONDOLA_LEASE_RENEWAL", \.leaseRenewal, .duration(0.1...3600),
            "How often leases are renewed; at most half of the lease"),
        Setting(
            .worker, "GONDOLA_CLAIM_INTERVAL", \.claimInterval, .duration(0.01...60),
            "The longest wait between two looks for due jobs"),
        Setting(
            .worker, "GONDOLA_POLL_LEAST_GAP", \.policy.polling.leastGap, any,
            "No job is looked at upstream more often than this"),
        Setting(
            .worker, "GONDOLA_POLL_SERVER_ERROR_GAP", \.policy.polling.serverErrorGap, any,
            "Wait between looks at a job that answers 500"),
        Setting(
            .worker, "GONDOLA_POLL_RECHECK_AGE", \.policy.polling.recheckAge, any,
            "A job of up to this age that the upstream does not know is asked for once more"),
        Setting(
            .worker, "GONDOLA_POLL_UNKNOWN_USUAL", \.policy.polling.unknownUsual, any,
            "What a job is taken to need before the upstream has said"),
        Setting(
            .worker, "GONDOLA_BACKOFF_FIRST", \.policy.backoff.first, any,
            "The longest that the first wait after trouble can be; it doubles, and the wait is anywhere below"),
        Setting(
            .worker, "GONDOLA_BACKOFF_LONGEST", \.policy.backoff.longest, any,
            "The longest wait after trouble; twice that after a rate limit, four times for an account that is refused"),
        Setting(
            .worker, "GONDOLA_RETRY_TRIES", \.policy.retries.tries, .count(1...1_000_000),
            "So many tries in a row that do not reach the upstream end a job that has paid nothing"),
        Setting(
            .worker, "GONDOLA_RETRY_AGE", \.policy.retries.age, any,
            "So long without reaching the upstream ends a job that has paid nothing"),
        Setting(
            .worker, "GONDOLA_RETRY_PATIENCE", \.policy.retries.patience, any,
            "The same where waiting is the remedy: a rate limit, a model that is away, an account to be mended"),
        Setting(
            .worker, "GONDOLA_MODEL_PAUSE_FIRST", \.policy.modelPause.first, any,
            "How long nobody asks for a model that is offline or at capacity; it doubles"),
        Setting(
            .worker, "GONDOLA_MODEL_PAUSE_LONGEST", \.policy.modelPause.longest, any,
            "The longest such pause"),
        Setting(
            .worker, "GONDOLA_RENDER_DEADLINE", \.policy.deadline, any,
            "A job that renders longer is given up"),
        Setting(
            .worker, "GONDOLA_SERVER_ERROR_LIMIT", \.policy.serverErrorLimit, .count(1...1000),
            "So many 500s in a row on a retrieve end the job"),
        Setting(
            .worker, "GONDOLA_CLEAN_UP_LIMIT", \.policy.cleanUpLimit, .count(1...1000),
            "So many tries to remove the upstream's copy, then it is left to expire"),
        Setting(
            .worker, "GONDOLA_FFMPEG", \.ffmpeg, .path,
            "The program that makes posters and previews, with ffprobe beside it; none for going without"),
        Setting(
            .worker, "GONDOLA_UNKNOWN_OUTCOME", \.policy.unknownOutcome, .oneOf("WHAT"),
            "What becomes of a submission whose answer was lost: hold (a person decides), fail, or resubmit (may pay "
                + "twice)"),
    ]

    private static let money: [Setting] = [
        Setting(
            .money, "GONDOLA_SPENDING_CAP_PER_DAY", \.spendingCapPerDay, ValueFormat.amount.optional(),
            "What all users together may spend in a day (UTC); jobs beyond it wait. The same for all processes"),
        Setting(
            .money, "GONDOLA_SPENDING_CAP_PER_MONTH", \.spendingCapPerMonth, ValueFormat.amount.optional(),
            "What all users together may spend in a month (UTC); jobs beyond it wait. The same for all processes"),
        Setting(
            .money, "GONDOLA_USER_BUDGET_PER_DAY", \.userBudgetPerDay, ValueFormat.amount.optional(),
            "What a user may spend in a day (UTC) unless they have a budget of their own; jobs beyond it fail unpaid"),
        Setting(
            .money, "GONDOLA_USER_BUDGET_PER_MONTH", \.userBudgetPerMonth, ValueFormat.amount.optional(),
            "What a user may spend in a month (UTC) unless they have a budget of their own; jobs beyond it fail unpaid"),
    ]

    private static let phones: [Setting] = [
        Setting(.phones, "GONDOLA_LISTEN", \.listen, .listenAddress, "Where phones reach the API; port 0 takes any"),
        Setting(
            .phones, "GONDOLA_OPS_LISTEN", \.opsListen, .listenAddress,
            "Where health and metrics are served; keep it private"),
        Setting(
            .phones, "GONDOLA_TRUSTED_PROXIES", \.trustedProxies, .addresses,
            "Reverse proxies whose X-Forwarded-For is believed and which may open any number of connections"),
        Setting(
            .phones, "GONDOLA_ASSET_BYTES_LIMIT", \.assetBytesLimit, .size(upTo: 1 << 34), "The largest upload"),
        Setting(
            .phones, "GONDOLA_ASSET_QUOTA", \.assetQuota, .size(upTo: 1 << 50),
            "What all uploads of a user together may have, unfinished ones included"),
        Setting(
            .phones, "GONDOLA_ASSET_COUNT", \.assetCount, .count(1...1_000_000),
            "Uploads that a user may have, unfinished ones included"),
        Setting(
            .phones, "GONDOLA_ASSET_RETENTION", \.assetRetention, .duration(60...315_360_000),
            "An upload goes when no quote and no job has named it for so long, and none under way does"),
        Setting(
            .phones, "GONDOLA_UPLOAD_RETENTION", \.uploadRetention, .duration(60...2_592_000),
            "An unfinished upload goes when nobody has gone on with it for so long"),
        Setting(
            .phones, "GONDOLA_LINK_LIFETIME", \.linkLifetimeLimit, .duration(60...2_592_000),
            "The longest that a phone may let a signed link to a video live; an hour unless it asks for more or less"),
        Setting(
            .phones, "GONDOLA_LINK_KEYS_FILE", \.linkKeysFile, ValueFormat.path.optional(),
            "File with the keys of signed links (32 bytes in base64, a line each), the newest first; the same for all "
                + "processes. Without it they follow from the key that seals secrets"),
        Setting(
            .phones, "GONDOLA_FEED_WAIT_LIMIT", \.feedWaitLimit, .duration(1...600),
            "The longest that a phone may wait for changes"),
        Setting(
            .phones, "GONDOLA_FEED_POLL_INTERVAL", \.feedPollInterval, .duration(0.05...60),
            "How often one look is taken for all waiting feeds, should wake-ups fail; a sixth as often while they come"),
        Setting(
            .phones, "GONDOLA_FEED_PAGE_LIMIT", \.feedPageLimit, .count(1...10_000), "Changes in a page of the feed"),
        Setting(
            .phones, "GONDOLA_FEED_PAGE_BYTES", \.feedPageBytes, .size(upTo: 1 << 28),
            "Bytes of a page of the feed; one with a single change may have more"),
        Setting(
            .phones, "GONDOLA_FEED_VISIBILITY_WAIT", \.feedVisibilityWait, .duration(0...60),
            "The longest that a read with wait_for waits for the write that it names"),
        Setting(
            .phones, "GONDOLA_FEED_HEARTBEAT", \.feedHeartbeat, .duration(0.05...20),
            "How often a stream without news says that it lives. Proxies must wait longer; phones wait for 40 s"),
        Setting(
            .phones, "GONDOLA_FEED_STREAM_LIFETIME", \.feedStreamLifetime, .duration(0.05...86_400),
            "How long a stream may last; it ends with its cursor, and the phone goes on with another"),
        Setting(
            .phones, "GONDOLA_REQUESTS_PER_MINUTE", \.requestsPerMinute, .count(1...1_000_000),
            "Requests that a device may make in a minute; all of them may come at once. Each process counts for itself"),
        Setting(
            .phones, "GONDOLA_REQUESTS_AT_ONCE", \.requestsAtOnce, .count(1...100_000),
            "Requests that a device may have under way, waiting feeds and streams among them"),
    ]

    private static let process: [Setting] = [
        Setting(
            .process, "GONDOLA_DRAIN", \.drain, .duration(0...3600),
            "After SIGTERM, how long what is under way may take to end"),
        Setting(
            .process, "GONDOLA_TOMBSTONE_RETENTION", \.retention.tombstones, .duration(3600...315_360_000),
            "A phone that was away for less than this finds out what was deleted; one away for longer starts over"),
        Setting(
            .process, "GONDOLA_DELETE_GRACE", \.retention.grace, .duration(0...315_360_000),
            "How long a deleted video or job can be brought back; then its files go"),
        Setting(
            .process, "GONDOLA_KEEP_DAYS", \.retention.keeping.days, ValueFormat.count(1...36_500).optional(),
            "Videos older than this are deleted, for users without a rule of their own (gondola users retention); without "
                + "it none are"),
        Setting(
            .process, "GONDOLA_KEEP_NEWEST", \.retention.keeping.newest,
            ValueFormat.count(1...1_000_000_000).optional(), "So many of a user's newest videos are kept, likewise"),
        Setting(
            .process, "GONDOLA_QUOTA", \.retention.keeping.quotaBytes, ValueFormat.size(upTo: 1 << 50).optional(),
            "What a user's videos may have in bytes, likewise"),
        Setting(
            .process, "GONDOLA_QUOTA_FULL", \.retention.whenFull, .oneOf("WHAT"),
            "What a full quota does: refuse (new submissions), or remove-oldest (videos)"),
        Setting(
            .process, "GONDOLA_KEY_RETENTION", \.retention.idempotencyKeys, .duration(60...315_360_000),
            "How long a submission may be repeated under its idempotency key"),
        Setting(
            .process, "GONDOLA_DURATION_RETENTION", \.retention.durations, .duration(3600...315_360_000),
            "When what was learned of a kind of rendering is forgotten, after the last of them"),
        Setting(
            .process, "GONDOLA_PRUNE_INTERVAL", \.retention.interval, .duration(1...86_400),
            "How often old rows are removed"),
        Setting(
            .process, "GONDOLA_PRUNE_BATCH", \.retention.batch, .count(1...100_000),
            "Old rows that are removed in one transaction"),
        Setting(.process, "GONDOLA_LOG_LEVEL", \.logLevel, .oneOf("LEVEL"), "The least important events to log"),
        Setting(.process, "GONDOLA_LOG_FORMAT", \.logFormat, .oneOf("FORMAT"), "How events are written"),
    ]
}
