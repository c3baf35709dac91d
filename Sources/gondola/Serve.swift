import ArgumentParser

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve phones only; other processes make the videos.",
        discussion: "gondola serve --listen 127.0.0.1:8080\n\n" + settingsDiscussion)

    @OptionGroup var options: ServiceOptions

    func run() async throws { try await options.run([.api]) }
}
