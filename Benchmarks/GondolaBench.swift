import ArgumentParser

/// Figures, each beside a limit or a peer that is measured in the same run. Fails when one is out of its limit.
@main
struct GondolaBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gondola-bench",
        abstract: "Figures of this build, each against a limit or a peer measured in the same run.",
        subcommands: [
            All.self, Decode.self, Validate.self, Base64.self, Memory.self, Polling.self, EngineBench.self,
            FilesBench.self, Hold.self,
        ],
        defaultSubcommand: All.self)
}

/// Every figure at full size.
struct All: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Every figure, one after another (default).")

    func run() async throws {
        var isGood = true
        // Memory first: what other figures leave behind would hide its growth.
        for figure in [
            ["memory", "retrieve"], ["memory", "store"], ["memory", "upload"], ["memory", "json"], ["decode"],
            ["validate"], ["base64"], ["polling"],
        ] {
            do {
                var command = try GondolaBench.parseAsRoot(figure)
                if var asyncCommand = command as? any AsyncParsableCommand {
                    try await asyncCommand.run()
                } else {
                    try command.run()
                }
            } catch is ExitCode { isGood = false }
        }
        if !isGood { throw ExitCode.failure }
    }
}
