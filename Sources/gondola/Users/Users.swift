import ArgumentParser
import Foundation
import JobStore
import VideoModels

struct Users: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Add users, look after them, shut them out, export and erase them.",
        discussion: "gondola users list",
        subcommands: [
            Add.self, List.self, UsersShow.self, UsersBudget.self, Limit.self, UsersRetention.self, UsersSuspend.self,
            UsersResume.self, UsersExport.self, UsersErase.self,
        ])

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

        @Flag(help: "Those too of whom only the ledger is left.") var erased = false
        @OptionGroup var limit: LimitOptions
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let users = try await store.withStore { store in
                try await limit.page { try await store.users(limit: $0, withErased: erased) }
            }
            try output.show(users) {
                Table(
                    [
                        .left("ID"), .shrinking("NAME"), .left("STANDING").tinted.extra, .right("DEVICES").extra,
                        .right("JOBS"),
                        .right("ACTIVE").extra, .right("LIMIT").extra, .right("SPENT"),
                        .right("TODAY"), .right("THIS MONTH"), .left("BUDGET"), .left("ADDED").extra,
                    ],
                    rows: users.map { user in
                        [
                            user.id.description, user.name, user.standingWord, String(user.devices), String(user.jobs),
                            String(user.activeJobs), user.activeLimit.map { String($0) } ?? "",
                            user.spent.description, user.spentToday.description, user.spentThisMonth.description,
                            user.budgetText, TimeText.time(user.createdAt),
                        ]
                    })
            }
        }
    }
}

extension Users {
    struct Limit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set how many jobs of a user may be under way at once.",
            discussion: """
                gondola users limit alice --active 5

                gondola users limit alice --default

                The others wait for their turn, the most urgent first. A higher limit lets more begin at once, a lower one
                stops none that is under way. 0 lets nothing new begin.
                """)

        @Argument(help: "The user, by id or name.") var user: String
        @Option(help: ArgumentHelp("At most so many.", valueName: "jobs")) var active: Int?
        @Flag(help: "The deployment's limit again (GONDOLA_ACTIVE_JOBS).") var `default` = false
        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        struct Outcome: Encodable {
            var name: String
            var activeLimit: Int?

            enum CodingKeys: String, CodingKey {
                case name
                case activeLimit = "active_limit"
            }
        }

        func validate() throws {
            guard (active == nil) == `default` else { throw ValidationError("give either --active or --default") }
            if let active, !(0...1_000_000).contains(active) {
                throw ValidationError("--active must be a number from 0 to 1000000")
            }
        }

        func run() async throws {
            do {
                let name = try await store.withStore { store in
                    try await store.setActiveLimit(active, of: try await store.user(user))
                }
                if output.isJSON { return try OutputOptions.json(Outcome(name: name, activeLimit: active)) }
                Terminal.say(
                    "\(TextWidth.visible(name)): \(active.map { "at most \($0) jobs" } ?? "the deployment's limit") at once"
                )
            } catch StoreError.notFound {
                throw CommandFailure(.refusedData, "there is no user \(user); see `gondola users list`")
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
