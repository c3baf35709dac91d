import ArgumentParser

struct Work: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make videos only; other processes serve the phones.",
        discussion: "VENICE_API_KEY=… gondola work --worker-jobs 64\n\n" + settingsDiscussion)

    @OptionGroup var options: ServiceOptions

    func run() async throws { try await options.run([.worker]) }
}
