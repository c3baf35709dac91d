import ArgumentParser
import FeedSync
import SyncService
import Synchronization
import VideoModels

struct FeedTail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Print what there is, then what changes, until Ctrl-C.",
        discussion: """
            gondola feed tail --kind video --json

            Follows through lost connections, restarts and expired cursors, and says so on standard error. With --json each
            change is one line of JSON. At the end it prints the cursor to go on from, for --since.
            """)

    @OptionGroup var phone: PhoneOptions
    @OptionGroup var output: OutputOptions
    @Option(
        help: ArgumentHelp("Go on after this place of the feed instead of printing what there is.", valueName: "cursor")
    )
    var since: String?
    @Option(
        help: ArgumentHelp(
            "Only objects of this kind, such as \(Change.Kind.allCases.map(\.rawValue).joined(separator: " or ")). "
                + "May be repeated.", valueName: "kind"))
    var kind: [String] = []
    @Flag(help: "Poll instead of listening to a stream.") var poll = false

    func validate() throws {
        if since?.isEmpty == true { throw ValidationError("--since must be a cursor that this command printed") }
        if kind.contains("") { throw ValidationError("--kind must not be empty") }
    }

    func run() async throws {
        let client = try phone.client()
        let state = since.map { FeedState(following: $0) } ?? FeedState()
        let (kinds, isJSON) = (Set(kind), output.isJSON)
        let place = Place(since)
        try await untilInterrupted { [poll] in
            var feed = FeedClient(
                client, copy: CursorStore(state: state), options: FeedClient.Options(listens: !poll))
            while true {
                let page = try await feed.next(notice: FeedNoticeText.report)
                for change in page.changes where kinds.isEmpty || kinds.contains(change.key.kind.word) {
                    try Self.show(change, asJSON: isJSON)
                }
                place.set(feed.isCatchingUp ? nil : feed.cursor)
            }
        }
        if let cursor = place.cursor { Terminal.complain("gondola: go on with --since \(TextWidth.visible(cursor))") }
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
            return "\(TimeText.clock(job.updatedAt))  job \(job.id)  \(job.status)  \(job.request.model)\(price)\(why)"
        case .video(let video):
            return "\(TimeText.clock(video.createdAt))  video \(video.id)  of job \(video.jobID)  "
                + "\(SizeText.rounded(video.bytes))"
        case .settings(let settings):
            let limit = settings.activeJobLimit.map { "\($0) jobs at once" } ?? "no limit of jobs"
            return "settings of \(settings.name)  \(limit)"
        case .spending(let spending):
            return "spent \(spending.day.spent) on \(spending.day.startsOn), "
                + "\(spending.month.spent) in the month from \(spending.month.startsOn)"
        case .deleted(let kind, let id): return "\(kind) \(id)  deleted"
        case .unknown(let kind, let id): return "\(kind) \(id)  of a kind that this version does not know"
        }
    }
}

/// Keeps the place in the feed and no object: what is printed need not be held.
private struct CursorStore: ChangeStore, Sendable {
    var state: FeedState

    mutating func commit(_ batch: ChangeBatch) { state = batch.state }

    func versions() -> [DigestPage.Entry] { [] }
}

/// How far the printing has come, for the end.
private final class Place: Sendable {
    private let kept: Mutex<String?>

    init(_ cursor: String?) { kept = Mutex(cursor) }

    var cursor: String? { kept.withLock { $0 } }
    func set(_ cursor: String?) { kept.withLock { $0 = cursor } }
}
