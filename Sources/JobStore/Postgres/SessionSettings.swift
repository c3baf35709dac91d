/// What a connection sets for itself: for the whole session, or, through a pooler, for each transaction anew. There a
/// session's setting would stay on a server connection that the next transaction, somebody else's, is run on.
struct SessionSettings: Sendable {
    /// Which host will do, in libpq's words.
    let target: String
    /// How long one host may take to answer.
    let connectTimeout: String
    private let values: [Entry]

    private typealias Entry = (name: String, value: String)

    /// UTC and ISO dates are what `Row` reads; the times bound every wait. The last is for others' sake: a process that the
    /// network has cut off in the middle of a transaction would hold its locks until the server finds out, in hours, and
    /// nobody could take its jobs over.
    private static let common: [Entry] = [
        ("timezone", "UTC"), ("datestyle", "ISO, YMD"), ("statement_timeout", "30s"),
        ("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "10s"),
        // Nothing here runs for so long that code compiled for it would pay: a page of the feed took 14 ms instead of one.
        ("jit", "off"),
    ]

    static let plain = SessionSettings(target: "read-write", connectTimeout: "5", values: common)

    /// For the statements of the hot path. Planned once, they have to go by the indexes also where a table was empty when
    /// that was.
    static let hot = SessionSettings(
        target: "read-write", connectTimeout: "5",
        values: common + planner)

    private static let planner: [Entry] = [
        ("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"), ("enable_bitmapscan", "off"),
    ]

    /// For reading only, on whatever server is named. There is another way where that one is slow to answer.
    static let reading = SessionSettings(target: "any", connectTimeout: "2", values: common)

    var ofSession: String { text("set") }
    var ofTransaction: String { text("set local") }

    /// The same as a statement that can stand before others on one trip.
    var statement: Statement {
        let calls = values.map { "set_config('\($0.name)', '\($0.value)', true)" }
        return Statement("set_for_transaction", "select " + calls.joined(separator: ", "))
    }

    private func text(_ verb: String) -> String {
        values.map { "\(verb) \($0.name) = '\($0.value)'" }.joined(separator: "; ")
    }
}
