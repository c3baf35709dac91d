import ArgumentParser
import Foundation
import JobStore
import SyncService
import VideoModels

struct Tokens: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give devices access to the phone's API, and take it away.",
        discussion: """
            gondola tokens issue --user alice --device phone
            gondola tokens issue --user alice --device "TV in the hall" --scope read --expires 90d
            """,
        subcommands: [Issue.self, Revoke.self, List.self])

    struct Issue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token for a new device of a user, and print it.",
            discussion: """
                export GONDOLA_TOKEN=$(gondola tokens issue --user alice --device phone)

                The token is shown this once; the database holds only its hash. With the scope `read` it may look at \
                everything of the user and change nothing; `submit` includes `read`.
                """)

        @Option(help: "The user's id or name.") var user: String
        @Option(help: "A name for the device.") var device: String
        @Option(help: "What the token is for: read, or submit (which includes it).") var scope = ScopeWord.submit
        @Option(help: "How long it is good for, such as 12h or 90d; without it, until it is revoked.")
        var expires: String?
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        enum ScopeWord: String, ExpressibleByArgument, CaseIterable { case read, submit }

        func validate() throws {
            try checkName(device, "a device's name")
            _ = try lifetime
        }

        private var lifetime: TimeInterval? {
            get throws {
                guard let expires else { return nil }
                guard let seconds = DurationText.parse(expires), (1...Self.longest).contains(seconds) else {
                    throw ValidationError("--expires must be a duration such as 12h or 90d, at most 3650d")
                }
                return seconds
            }
        }

        private static let longest: TimeInterval = 3650 * 86_400

        func run() async throws {
            let (id, lifetime) = (DeviceID(at: Date()), try lifetime)
            let token = try await store.withStore { store in
                try await store.issueToken(
                    user: try await store.find(user: user), device: id, name: device,
                    scopes: scope == .read ? [.read] : [.read, .submit], lifetime: lifetime)
            }
            if output.isJSON {
                try OutputOptions.json(["device_id": id.description, "token": token.reveal()])
            } else {
                Terminal.complain("device \(id); this is the only time that its token is shown")
                Terminal.say(token.reveal())
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a device's access at once, and what it has open.",
            discussion: "gondola tokens revoke 01936f2e-…    # ids: gondola tokens list")

        @Argument(help: "The device's id.") var device: String
        @OptionGroup var store: StoreOptions

        func run() async throws {
            guard let id = DeviceID(device) else { throw ValidationError("\(device): expected the id of a device") }
            do {
                let name = try await store.withStore { try await $0.revokeToken(device: id) }
                Terminal.say("revoked \(name)")
            } catch StoreError.notFound {
                throw CommandFailure(.refusedData, "no device with that id has access; see `gondola tokens list`")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List devices.", discussion: "gondola tokens list --user alice")

        @Option(help: "Only those of this user, by id or name.") var user: String?
        @OptionGroup var limit: LimitOptions
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let devices = try await store.withStore { store in
                let user = try await store.find(optional: user)
                return try await limit.page { try await store.devices(of: user, limit: $0) }
            }
            try output.show(devices) {
                Table(
                    [
                        .left("DEVICE"), .shrinking("NAME"), .shrinking("USER"), .left("SCOPE"),
                        .left("LAST SEEN"), .left("EXPIRES"), .left("REVOKED"), Table.Column.left("ISSUED").extra,
                    ],
                    rows: devices.map { device in
                        [
                            device.id.description, device.name, device.userName,
                            device.scopes.contains(.submit) ? "submit" : "read",
                            device.lastSeenAt.map(TimeText.time) ?? "-", device.expiresAt.map(TimeText.time) ?? "-",
                            device.revokedAt.map(TimeText.time) ?? "-", TimeText.time(device.createdAt),
                        ]
                    })
            }
        }
    }
}

extension PostgresStore {
    func find(user: String) async throws -> UserID {
        do { return try await self.user(user) } catch StoreError.notFound {
            throw CommandFailure(
                .refusedData, "there is no user \"\(TextWidth.visible(user))\"; see `gondola users list`")
        }
    }

    func find(optional user: String?) async throws -> UserID? {
        guard let user else { return nil }
        return try await find(user: user)
    }
}
