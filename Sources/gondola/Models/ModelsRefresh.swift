import ArgumentParser
import SyncService

struct ModelsRefresh: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh", abstract: "Ask the upstream for its models now, for every process.",
        discussion: """
            gondola models refresh

            Processes do so by themselves every GONDOLA_MODELS_REFRESH. Costs nothing. The exit status is 69 when the upstream \
            cannot be asked; the last list stands then.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var upstream: UpstreamFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let report = try await store.merged(with: upstream) { store, configuration in
            try await configuration.refreshModels(in: store)
        }
        if output.isJSON { try OutputOptions.json(report) }
        if let problem = report.problem { throw CommandFailure(.unavailable, TextWidth.visible(problem)) }
        guard !output.isJSON else { return }
        Terminal.say("\(report.models) models")
        for id in report.added { Terminal.say("+ \(TextWidth.visible(id))") }
        for id in report.removed { Terminal.say("- \(TextWidth.visible(id))") }
    }
}
