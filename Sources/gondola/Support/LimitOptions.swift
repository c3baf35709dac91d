import ArgumentParser

/// How much of a list is shown: a screenful, unless somebody asks for more.
struct LimitOptions: ParsableArguments {
    @Option(help: "At most so many. Without it: as many as the screen has room for, or 100 where there is none.")
    var limit: Int?

    func validate() throws { if let limit { try checkLimit(limit) } }

    /// The heading, the prompt and a note that there are more have a line each.
    var count: Int { limit ?? Terminal.height.map { max(5, $0 - 3) } ?? 100 }

    /// Reads one more than is shown, and says so on standard error if it is there.
    func page<Element>(_ read: (Int) async throws -> [Element]) async rethrows -> [Element] {
        let found = try await read(count + 1)
        if found.count > count { Terminal.complain("There are more than these \(count); --limit shows them.") }
        return Array(found.prefix(count))
    }
}
