import ArgumentParser

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve phones and make videos, in one process.",
        discussion: "VENICE_API_KEY=… gondola run --listen 127.0.0.1:8080\n\n" + settingsDiscussion)

    @OptionGroup var options: ServiceOptions

    func run() async throws { try await options.run([.api, .worker]) }
}
