import ArgumentParser
import FeedSync
import Foundation
import SyncService
import VideoModels

struct Demo: AsyncParsableCommand {
    typealias Follower = FeedClient<MemoryChangeStore>

    static let configuration = CommandConfiguration(
        abstract: "Ask a server for three videos, follow them home, and check everything.",
        discussion: """
            GONDOLA_TOKEN=… gondola demo --server http://127.0.0.1:8080 --output videos

            Works through the phone's API alone. On a real service it costs what the three videos cost. The exit status \
            is 0 only if all three files are whole and the feed replayed from nothing tells the same as the one followed.
            """)

    @OptionGroup var phone: PhoneOptions
    @Option(help: ArgumentHelp("Where the videos go.", valueName: "dir")) var output = "videos"
    @Option(help: "A text-to-video model.") var textModel = "wan-2.5-preview-text-to-video"
    @Option(help: "An image-to-video model.") var imageModel = "wan-2.5-preview-image-to-video"
    @Option(help: "A model that delivers by a private link.") var privateModel = "grok-imagine-text-to-video-private"
    @Option(help: ArgumentHelp("Give up after this long.", valueName: "duration")) var timeout = "5m"
    @Flag(inversion: .prefixedNo, help: "Say at the end how to keep looking at a server that goes on.") var hints = true

    private var limit: TimeInterval? { DurationText.parse(timeout).flatMap { (1...86400).contains($0) ? $0 : nil } }

    func validate() throws {
        if limit == nil { throw ValidationError("--timeout must be a duration from 1s to 24h, such as 5m") }
    }

    func run() async throws {
        let client = try phone.client()
        let limit = limit ?? 300
        let run = DemoRun(client: client, directory: output)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.perform(run) }
            group.addTask {
                try await Task.sleep(for: .seconds(limit))
                throw CommandFailure(.failed, "not done after \(timeout); a longer --timeout may help")
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func perform(_ run: DemoRun) async throws {
        try run.makeDirectory()
        let picture = try await run.uploadPicture()
        let plan = DemoPlan(text: textModel, image: imageModel, private: privateModel, picture: picture)
        try plan.check(against: try await patiently(tries: 8) { try await run.client.models() })
        var follower = try await run.startFollowing()
        let board = try await run.submit(plan)
        let jobs = try await DemoScreen.follow(board, with: &follower)
        try run.refuseDisappointments(jobs)
        let results = try await run.collect(jobs, with: &follower)
        try await run.compareFeeds(&follower)
        Self.show(results)
        if hints { Self.showHints(results, server: phone.address) }
    }

    private static func show(_ results: [DemoResult]) {
        let report = DemoReport(results: results)
        Terminal.say("")
        report.videos.show()
        Terminal.say("")
        report.timelines.show()
        Terminal.say(
            """

            All \(results.count) files are whole: sizes and SHA-256 are those of the feed, and ffprobe reads them. \
            The feed replayed from nothing tells the same as the one followed.

            """)
    }

    private static func showHints(_ results: [DemoResult], server: String) {
        let job = results.last.map { $0.detail.job.id.description } ?? "ID"
        Terminal.say("Keep looking, while the server runs (GONDOLA_TOKEN holds the token, DATABASE_URL the database):")
        Terminal.say("  gondola jobs list    gondola jobs show \(job)")
        Terminal.say("  curl -H \"Authorization: Bearer $GONDOLA_TOKEN\" '\(server)/v1/changes'")
    }
}
