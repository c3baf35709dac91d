import ArgumentParser
import Foundation
import JobStore
import VideoModels

struct Users: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Add users, list them, and set their budgets.", discussion: "gondola users add alice",
        subcommands: [Add.self, List.self, UsersBudget.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a user.",
            discussion: """
                gondola users add alice

                Give the user's phone a token next:  gondola tokens issue --user alice --device phone
                """)

        @Argument(help: "A name that nobody has yet, of at most 200 characters.") var name: String
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        func validate() throws { try checkName(name, "a user's name") }

        func run() async throws {
            let user = try await store.withStore { store in
                try await store.addUser(named: name, id: UserID(at: Date()))
            }
            if output.isJSON { return try OutputOptions.json(user) }
            Terminal.say("added \(user.name) as \(user.id)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List users with what they have spent.", discussion: "gondola users list")

        @Option(help: "At most so many.") var limit = 100
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        func validate() throws { try checkLimit(limit) }

        func run() async throws {
            let users = try await store.withStore { try await $0.users(limit: limit) }
            try output.show(users) {
                Table(
                    [
                        .left("ID"), .shrinking("NAME"), .right("DEVICES").extra, .right("JOBS"), .right("SPENT"),
                        .right("TODAY"), .right("THIS MONTH"), .left("BUDGET"), .left("ADDED").extra,
                    ],
                    rows: users.map { user in
                        [
                            user.id.description, user.name, String(user.devices), String(user.jobs),
                            user.spent.description, user.spentToday.description, user.spentThisMonth.description,
                            user.budgetText, TimeText.time(user.createdAt),
                        ]
                    })
            }
        }
    }
}

func checkName(_ name: String, _ what: String) throws {
    guard (1...200).contains(name.unicodeScalars.count), TextWidth.visible(name) == name else {
        throw ValidationError("\(what) must have 1 to 200 characters, without control characters")
    }
}

func checkLimit(_ limit: Int) throws {
    guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be a number from 1 to 10000") }
}
