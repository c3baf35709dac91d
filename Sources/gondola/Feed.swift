import ArgumentParser
import FeedSync
import SyncService
import VideoModels

struct Feed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Follow a user's change feed, and prove a copy of it.", discussion: "gondola feed tail",
        subcommands: [FeedTail.self, FeedDigestCommand.self, FeedNewEpoch.self])
}

/// What happens on the way to the next page, for standard error.
enum FeedNoticeText {
    /// Nil for what nobody has to know.
    static func line(for notice: FeedNotice) -> String? {
        switch notice {
        case .listening: nil
        case .polling: "streams do not come through here; polling instead"
        case .closed(let reason): "the server ended the stream (\(TextWidth.visible(reason))); connecting again"
        case .startingOver: "the cursor has expired; starting over with a snapshot"
        case .trouble(let error, let pause):
            "\(CommandFailure(phone: PhoneClientError(error)).message) Trying again in "
                + "\(TimeText.length(pause / .seconds(1)))."
        }
    }

    static func report(_ notice: FeedNotice) {
        if let line = line(for: notice) { Terminal.complain("gondola: \(line)") }
    }
}
