import ArgumentParser
import Foundation
import JobStore
import VideoModels

struct FeedNewEpoch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new-epoch", abstract: "After a restore: let every phone start over.",
        discussion: """
            gondola feed new-epoch

            Run it once on a database that was restored from a backup, before anything serves it. Phones may know changes \
            that the backup does not have; with a new epoch their cursors expire, they ask for all that there is, and keep \
            what they hold until they have it. Without it they could miss changes. It does no harm on any other day, but \
            makes every phone ask for everything. Asks first; --yes answers for you.
            """)

    @OptionGroup var confirmation: Confirmation
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try confirmation.ask(
            ["Every phone of every user will ask for its whole feed again."], typing: "new-epoch")
        let epoch = try await store.withStore { try await $0.newEpoch() }
        if output.isJSON { return try OutputOptions.json(epoch) }
        Terminal.say("the epoch is \(epoch.epoch); it was \(epoch.former). Every phone starts over.")
    }
}
