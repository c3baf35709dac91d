public import Foundation

/// How a simulator behaves. Every default is the real service's habit, as far as it is known.
public struct Configuration: Sendable {
    /// Where to listen; port 0 takes a free one.
    public var host = "127.0.0.1"
    public var port = 0
    /// The journal of accepted jobs and charges lives here; without it everything is forgotten at the end.
    public var stateDirectory: URL?
    /// Finished videos are cached here by shape.
    public var mediaDirectory: URL
    /// Everything drawn by lot follows from it: ids, rendering times, pictures, chaos.
    public var seed: UInt64 = 1
    /// Multiplies rendering times, the windows of the limits and the lifetime of media: 0.05 is twenty times faster.
    public var timeScale = 1.0
    public var renderLaw = RenderLaw()
    /// What each key's account holds at the start.
    public var balance = Cents(1_000_000)
    /// What each wallet holds at the start; the rest it has to be topped up with.
    public var walletBalance = Cents(0)
    public var queueLimitPerMinute = 40
    public var retrieveLimitPerMinute = 120
    /// More failures than that within 30 s (scaled) block the account for as long.
    public var failureLimit = 20
    /// How a 429 says when to come back; nil draws a form for each.
    public var rateLimitForm: RateLimitForm?
    /// The share of calls that chaos spoils, 0…1.
    public var chaosRate = 0.0
    /// What chaos draws from; `seed` where it is nil.
    public var chaosSeed: UInt64?
    /// What is special about particular models and keys.
    public var world = World()
    /// Whether the models that work unlisted are listed too.
    public var listsUnlisted = false
    /// The ways in which every answer is spelled differently.
    public var dialects: Set<Dialect> = []
    /// Whether answers are gzip coded for a client that offers it.
    public var gzips = true
    /// Whether `/video/complete` deletes media, or answers 400 for every id as the service does at present.
    public var completeWorks = false
    /// Whether prices move by up to 20 % from minute to minute (scaled).
    public var promotions = false
    /// Whether videos are labelled `application/octet-stream`.
    public var mislabelsVideos = false
    /// Whether videos come without Content-Length, chunked.
    public var omitsContentLength = false
    /// How many whole downloads a private link allows.
    public var downloadsPerLink = 5
    /// Whether private links serve ranges.
    public var linksTakeRanges = true
    /// From how many addresses a private link may be fetched: one, and one change.
    public var networksPerLink = 2
    /// Two polls of a job that is still rendering within that many seconds (scaled) are a violation.
    public var shortestPoll = 1.0
    /// A request that stops coming for that long, in real seconds, is given up.
    public var patienceSeconds = 60.0
    /// How many different pictures exist for each shape of video.
    public var mediaVariants = 4
    /// How long `never_answer` and `stall` hold a connection, in real seconds.
    public var silenceSeconds = 600.0
    /// The most jobs that are kept; beyond it queue answers 503.
    public var jobCapacity = 500_000
    public var clock: any SimulatorClock = WallClock()

    public init(mediaDirectory: URL) { self.mediaDirectory = mediaDirectory }

    /// How long the service keeps a job and its media, in seconds of its clock.
    var lifetime: Double { 86_400 * timeScale }

    /// What is wrong with these values, if anything is.
    func check() throws(InvalidConfiguration) {
        func demand(_ holds: Bool, _ message: String) throws(InvalidConfiguration) {
            if !holds { throw InvalidConfiguration(description: message) }
        }
        try demand(
            timeScale > 0 && timeScale <= 1_000, "time scale: expected above 0 and at most 1000, not \(timeScale)")
        try demand((0...1).contains(chaosRate), "chaos rate: expected 0…1, not \(chaosRate)")
        try demand(walletBalance >= Cents(0), "wallet balance: expected at least 0, not \(walletBalance.dollars)")
        try demand((0...65_535).contains(port), "port: expected 0…65535, not \(port)")
        try demand(renderLaw.sigma >= 0 && renderLaw.sigma <= 5, "render spread: expected 0…5, not \(renderLaw.sigma)")
        for (kind, median) in renderLaw.medians {
            try demand(median >= 0 && median <= 86_400, "median of \(kind): expected 0…86400 s, not \(median)")
        }
        try demand(queueLimitPerMinute > 0, "queue limit: expected at least 1, not \(queueLimitPerMinute)")
        try demand(retrieveLimitPerMinute > 0, "retrieve limit: expected at least 1, not \(retrieveLimitPerMinute)")
        try demand(failureLimit > 0, "failure limit: expected at least 1, not \(failureLimit)")
        try demand((1...64).contains(mediaVariants), "media variants: expected 1…64, not \(mediaVariants)")
        try demand(networksPerLink > 0, "networks per link: expected at least 1, not \(networksPerLink)")
        try demand((0...3_600).contains(shortestPoll), "shortest poll: expected 0…3600 s, not \(shortestPoll)")
        try demand(
            patienceSeconds >= 0.01 && patienceSeconds <= 3_600,
            "patience: expected 0.01…3600 s, not \(patienceSeconds)")
        try demand(downloadsPerLink > 0, "downloads per link: expected at least 1, not \(downloadsPerLink)")
    }
}

/// A value of the configuration that cannot be, named with what was expected.
public struct InvalidConfiguration: Error, CustomStringConvertible {
    public var description: String
}
