import ArgumentParser
import JobStore

struct UsersSuspend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspend", abstract: "Shut a user out until `resume`.",
        discussion: """
            gondola users suspend alice --reason "asked for it by mail, 2026-11-21"

            At once, in every process: the user's devices are refused with `user_suspended` and keep what they have, what they \
            have open ends, and nothing more of the user is taken in, begun or paid for. What is paid goes on and comes home. \
            What waits is not lost: it goes on after `gondola users resume`. Signed links that are out work until they expire.
            """)

    @Argument(help: "The user's id or name.") var name: String
    @Option(help: "Why, in at most 500 characters; operators see it.") var reason: String?
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try checkReason(reason) }

    func run() async throws {
        let user = try await store.withStore { store in
            let id = try await store.find(user: name)
            _ = try await store.suspend(id, reason: reason)
            return try await store.users(limit: 1, only: id)
        }
        if output.isJSON { return try OutputOptions.json(user.first) }
        Terminal.say("\(TextWidth.visible(name)) is suspended")
    }
}

struct UsersResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Let a suspended user in again.",
        discussion: """
            gondola users resume alice

            The user's devices are let in, and what waited goes on at once.
            """)

    @Argument(help: "The user's id or name.") var name: String
    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    struct Outcome: Encodable {
        var wasSuspended: Bool

        enum CodingKeys: String, CodingKey { case wasSuspended = "was_suspended" }
    }

    func run() async throws {
        let wasSuspended = try await store.withStore { try await $0.resume(try await $0.find(user: name)) }
        if output.isJSON { return try OutputOptions.json(Outcome(wasSuspended: wasSuspended)) }
        Terminal.say("\(TextWidth.visible(name)) \(wasSuspended ? "is let in again" : "was not suspended")")
    }
}

func checkReason(_ reason: String?) throws {
    guard let reason else { return }
    guard (1...500).contains(reason.unicodeScalars.count), TextWidth.visible(reason) == reason else {
        throw ValidationError("--reason must have 1 to 500 characters, without control characters")
    }
}
