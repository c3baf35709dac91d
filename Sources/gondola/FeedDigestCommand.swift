import ArgumentParser
import FeedSync
import SyncService
import VideoModels

struct FeedDigestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digest", abstract: "Read the feed from nothing, and prove the copy against the server's digest.",
        discussion: """
            gondola feed digest

            The exit status is 0 only if the copy holds every object at its version and nothing else.
            """)

    @OptionGroup var phone: PhoneOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let client = try phone.client()
        var feed = FeedClient(client)
        let proof = try await feed.check()
        if output.isJSON { try OutputOptions.json(proof) } else { Self.show(proof) }
        guard proof.differences.isEmpty else {
            throw CommandFailure(
                .failed, "the feed and its digest differ in \(proof.differences.count) of \(proof.count) objects")
        }
    }

    private static func show(_ proof: FeedProof) {
        Table(
            [.right("SEQUENCE"), .right("OBJECTS"), .left("DIGEST"), .right("DIFFERENCES"), .right("QUESTIONS")],
            rows: [
                [
                    "\(proof.sequence)", "\(proof.count)", proof.digest, "\(proof.differences.count)",
                    "\(proof.questions)",
                ]
            ]
        ).show()
        guard !proof.differences.isEmpty else { return }
        Terminal.say("")
        Table(
            [.left("KIND"), .left("ID"), .right("HERE"), .right("ON THE SERVER")],
            rows: proof.differences.map { difference in
                [
                    difference.kind.word, difference.id, difference.here.map { "\($0)" } ?? "missing",
                    difference.there.map { "\($0)" } ?? "missing",
                ]
            }
        ).show()
    }
}
