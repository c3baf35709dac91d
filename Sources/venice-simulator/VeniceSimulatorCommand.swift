import ArgumentParser
import Foundation
import Logging
import VeniceSimulator

/// The simulator as a process of its own.
@main
struct VeniceSimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "venice-simulator",
        abstract: "A double of the Venice video API on a real socket: strict, seeded, and unreliable on request.",
        discussion: """
            The API is under /api/v1, as at the real service. VENICE_INFERENCE_KEY_NAME and VENICE_ADMIN_KEY_NAME are keys \
            of one account; a wallet that signs in is one too. SIGTERM and SIGINT end the simulator cleanly.

            GET /_simulator/ledger shows what was charged, called and violated; \
            GET /_simulator/jobs/ID/sha256 the hash of a job's file. POST /_simulator/faults takes a JSON list of \
            faults, DELETE clears it. Each names the calls that it meets and what happens to them, for instance the \
            second queue call:
              [{"match": {"endpoint": "queue", "nth": 2, "count": 1}, "action": {"lose_answer": {}}}]

            docs/simulator.md lists every action, every option and the fields of the ledger.
            """)

    @Option(help: "Where to listen, as HOST:PORT or [IPV6]:PORT; port 0 takes a free one.")
    var listen = "127.0.0.1:0"

    @Option(help: "A file to write the address to (http://HOST:PORT) once it listens.")
    var announce: String?

    @Option(help: "A directory for the journal of jobs and charges; without it they live in memory only.")
    var stateDir: String?

    @Option(help: "A directory for finished videos, kept from run to run. Default: below the temporary directory.")
    var mediaDir: String?

    @Option(help: "Whatever is drawn by lot follows from this number.")
    var seed: UInt64 = 1

    @Option(help: "Factor on rendering times, limit windows and the lifetime of media: 0.05 is twenty times faster.")
    var timeScale = 1.0

    @Option(help: "Median rendering time of all models, in seconds before scaling. Default: 75…180 by kind of model.")
    var medianRender: Double?

    @Option(help: "The same for one kind, as KIND=SECONDS; kinds: text, image, reference, video, motion, upscale.")
    var medianRenderOf: [String] = []

    @Option(help: "Spread of rendering times: the standard deviation of their logarithm; 0 makes all equal.")
    var renderSpread = 0.45

    @Option(help: "What each account holds at the start, in US dollars.")
    var balance = 10_000.0

    @Option(help: "What each wallet holds at the start, in US dollars.")
    var walletBalance = 0.0

    @Option(help: "Queue calls that an account may make in 60 s (scaled).")
    var queueLimit = 40

    @Option(help: "Retrieve calls that an account may make in 60 s (scaled).")
    var retrieveLimit = 120

    @Option(help: "Failed calls in 30 s (scaled) above which an account is blocked for 30 s (scaled).")
    var failureLimit = 20

    @Option(
        help: "How a 429 says when to come back: retry_after, reset_ms, reset_s, reset_delta, bare. Default: drawn.")
    var rateLimitForm: String?

    @Option(help: "Spoils calls by lot; whatever is drawn follows from this number.")
    var chaos: UInt64?

    @Option(help: "The share of calls that chaos spoils, 0 to 1. Default: 0.1 with --chaos, else 0.")
    var chaosRate: Double?

    @Option(help: "A JSON file that says what is special about particular models and keys.")
    var world: String?

    @Option(help: "Spells every answer differently; may be repeated. The names are in docs/simulator.md.")
    var dialect: [String] = []

    @Option(help: "How many different pictures there are for each shape of video.")
    var mediaVariants = 4

    @Option(help: "Whole downloads that a private link allows.")
    var downloadsPerLink = 5

    @Flag(help: "List the models that work unlisted too.")
    var listUnlisted = false

    @Flag(help: "Never code answers with gzip.")
    var noGzip = false

    @Flag(help: "Serve private links whole, whatever range is asked for.")
    var noRanges = false

    @Flag(help: "Let /video/complete delete media instead of answering 400 for every id.")
    var completeWorks = false

    @Flag(help: "Let prices move by up to 20 % from minute to minute (scaled).")
    var promotions = false

    @Flag(help: "Label videos application/octet-stream.")
    var mislabelVideos = false

    @Flag(help: "Send videos chunked, without Content-Length.")
    var omitContentLength = false

    @Option(help: "Log level: trace, debug, info, notice, warning, error, critical. Logs go to standard error.")
    var logLevel = "info"

    func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError(
                "--log-level: expected trace, debug, info, notice, warning, error or critical, not '\(logLevel)'")
        }
        _ = try address()
        _ = try medians()
        _ = try dialects()
        guard (0...1e9).contains(balance) else {
            throw ValidationError("--balance: expected 0…1000000000 US dollars, not \(balance)")
        }
        guard (0...1e9).contains(walletBalance) else {
            throw ValidationError("--wallet-balance: expected 0…1000000000 US dollars, not \(walletBalance)")
        }
        if let rateLimitForm, RateLimitForm(rawValue: rateLimitForm) == nil {
            let known = RateLimitForm.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--rate-limit-form: expected one of \(known), not '\(rateLimitForm)'")
        }
    }

    func run() async throws {
        var log = Logger(label: "venice-simulator", factory: { StreamLogHandler.standardError(label: $0) })
        log.logLevel = Logger.Level(rawValue: logLevel) ?? .info
        let signals = EndSignals()
        let simulator = try await Simulator.start(try settings(), log: log)
        if let announce { try Announcement(path: announce).write(simulator.baseURL) }
        log.notice("listening", metadata: ["url": "\(simulator.baseURL)"])
        let signal = await signals.next()
        log.notice("ending", metadata: ["signal": "\(signal)"])
        try await simulator.shutdown()
        if let announce { Announcement(path: announce).remove() }
    }

    private func settings() throws -> Configuration {
        let media =
            mediaDir.map { URL(fileURLWithPath: $0) }
            ?? FileManager.default.temporaryDirectory.appendingPathComponent("venice-simulator-media")
        var settings = Configuration(mediaDirectory: media)
        (settings.host, settings.port) = try address()
        settings.stateDirectory = stateDir.map { URL(fileURLWithPath: $0) }
        settings.seed = seed
        settings.timeScale = timeScale
        settings.renderLaw = RenderLaw(medians: try medians(), sigma: renderSpread)
        settings.balance = Cents(Int((balance * 100).rounded()))
        settings.walletBalance = Cents(Int((walletBalance * 100).rounded()))
        settings.queueLimitPerMinute = queueLimit
        settings.retrieveLimitPerMinute = retrieveLimit
        settings.failureLimit = failureLimit
        settings.rateLimitForm = rateLimitForm.flatMap(RateLimitForm.init(rawValue:))
        settings.chaosRate = chaosRate ?? (chaos == nil ? 0 : 0.1)
        settings.chaosSeed = chaos
        settings.world = try readWorld()
        settings.dialects = try dialects()
        settings.listsUnlisted = listUnlisted
        settings.gzips = !noGzip
        settings.linksTakeRanges = !noRanges
        settings.mediaVariants = mediaVariants
        settings.downloadsPerLink = downloadsPerLink
        settings.completeWorks = completeWorks
        settings.promotions = promotions
        settings.mislabelsVideos = mislabelVideos
        settings.omitsContentLength = omitContentLength
        return settings
    }

    private func address() throws -> (host: String, port: Int) {
        guard let colon = listen.lastIndex(of: ":"), let port = UInt16(listen[listen.index(after: colon)...]) else {
            throw ValidationError("--listen: expected HOST:PORT, for instance 127.0.0.1:8081, not '\(listen)'")
        }
        let host = listen[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        guard !host.isEmpty else { throw ValidationError("--listen: expected HOST:PORT, not '\(listen)'") }
        return (host, Int(port))
    }

    private func readWorld() throws -> World {
        guard let world else { return World() }
        do {
            return try World(json: Data(contentsOf: URL(fileURLWithPath: world)))
        } catch {
            throw ValidationError("--world: expected models and keys as JSON in \(world): \(error)")
        }
    }

    private func dialects() throws -> Set<Dialect> {
        try Set(
            dialect.map { name in
                guard let dialect = Dialect(rawValue: name) else {
                    let known = Dialect.allCases.map(\.rawValue).joined(separator: ", ")
                    throw ValidationError("--dialect: expected one of \(known), not '\(name)'")
                }
                return dialect
            })
    }

    private func medians() throws -> [ModelKind: Double] {
        var medians = RenderLaw.usualMedians
        if let medianRender { for kind in ModelKind.allCases { medians[kind] = medianRender } }
        for entry in medianRenderOf {
            let parts = entry.split(separator: "=")
            guard parts.count == 2, let kind = ModelKind(rawValue: String(parts[0])), let seconds = Double(parts[1])
            else { throw ValidationError("--median-render-of: expected KIND=SECONDS, not '\(entry)'") }
            medians[kind] = seconds
        }
        return medians
    }
}
