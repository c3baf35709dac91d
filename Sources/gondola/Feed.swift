import ArgumentParser
import Foundation
import SyncService
import VideoModels

struct Feed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Follow a user's change feed.", discussion: "gondola feed tail", subcommands: [Tail.self])

    struct Tail: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print what there is, then what changes, until Ctrl-C.",
            discussion: """
                gondola feed tail

                Follows through lost connections and restarts. With --json each change is one line of JSON.
                """)

        @OptionGroup var phone: PhoneOptions
        @OptionGroup var output: OutputOptions
        @Option(help: "Go on after this place of the feed instead of printing what there is.") var cursor: String?

        func run() async throws {
            let client = try phone.client()
            let (cursor, isJSON) = (cursor, output.isJSON)
            try await untilInterrupted {
                var follower = FeedFollower(client, from: cursor)
                while true {
                    let page = try await follower.next(onTrouble: Self.report)
                    for change in page.changes { try Self.show(change, asJSON: isJSON) }
                }
            }
        }

        static func report(_ error: PhoneClientError, pause: Duration) {
            let seconds = TimeText.length(
                Double(pause.components.seconds) + Double(pause.components.attoseconds) / 1e18)
            Terminal.complain("gondola: \(CommandFailure(phone: error).message) Trying again in \(seconds).")
        }

        private static func show(_ change: Change, asJSON: Bool) throws {
            if asJSON { return try OutputOptions.json(change) }
            Terminal.say("\(change.sequence)  \(TextWidth.visible(line(for: change.object)))")
        }

        static func line(for object: Change.Object) -> String {
            switch object {
            case .job(let job):
                let price = job.price.map { " \($0)" } ?? ""
                let why = (job.failure?.message ?? job.attention?.message ?? job.hold?.message).map { ": \($0)" } ?? ""
                return
                    "\(TimeText.clock(job.updatedAt))  job \(job.id)  \(job.status)  \(job.request.model)\(price)\(why)"
            case .video(let video):
                return "\(TimeText.clock(video.createdAt))  video \(video.id)  of job \(video.jobID)  "
                    + "\(SizeText.rounded(video.bytes))"
            case .deleted(let kind, let id): return "\(kind) \(id)  deleted"
            case .unknown(let kind, let id): return "\(kind) \(id)  of a kind that this version does not know"
            }
        }
    }
}
