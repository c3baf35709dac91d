import ArgumentParser
import Foundation

/// What a program asked of the server, in the order in which its transactions ended, as a script for pgbench.
///
/// It comes from the server's own log, so it is what was sent and nothing else, whatever becomes of the statements. What
/// was prepared is prepared here too, and what went in one pipeline is one message.
struct Transcript: Sendable {
    private(set) var statements = 0
    private(set) var transactions = 0
    private var prepared: [String: String] = [:]
    private var body = ""

    var script: String {
        prepared.sorted { $0.key < $1.key }.map { "prepare \($0.key) as \($0.value);\n" }.joined() + body
    }

    /// Transactions of several sessions overlap; put one after the other they do the same, since each holds the locks on
    /// what it changes until it commits.
    init(_ lines: [LogLine]) throws {
        var units: [LogLine.Transaction: (end: Int, statements: [String])] = [:]
        for (place, line) in lines.enumerated() {
            guard let asked = try line.asked() else { continue }
            let before = units[line.transaction]?.statements ?? []
            units[line.transaction] = (place, before + [try remember(asked)])
        }
        for unit in units.values.sorted(by: { $0.end < $1.end }) { add(unit.statements) }
    }

    private mutating func remember(_ asked: LogLine.Asked) throws -> String {
        guard let name = asked.name else { return try asked.filled() }
        prepared[name] = asked.sql
        return "execute \(name)" + (asked.values.isEmpty ? "" : "(\(asked.values.joined(separator: ", ")))")
    }

    /// Several statements of one transaction that had no `begin` came in one pipeline.
    private mutating func add(_ unit: [String]) {
        let isExplicit = unit[0].lowercased().hasPrefix("begin")
        body += unit.joined(separator: isExplicit ? ";\n" : "\\;\n") + ";\n"
        statements += unit.count
        transactions += 1
    }
}

/// One line of the server's log in JSON.
struct LogLine: Decodable {
    var dbname: String?
    var message: String?
    var detail: String?
    private var session: String?
    private var vxid: String?

    /// Which transaction the line is of.
    struct Transaction: Hashable {
        var session, number: String?
    }

    /// A statement with its values as literals; `name` where it was prepared.
    struct Asked {
        var name: String?
        var sql: String
        var values: [String]
    }

    enum CodingKeys: String, CodingKey {
        case dbname, message, detail, vxid
        case session = "session_id"
    }

    init(_ message: String?, detail: String? = nil, session: String, transaction: String) {
        (self.message, self.detail, self.session, vxid) = (message, detail, session, transaction)
    }

    var transaction: Transaction { Transaction(session: session, number: vxid) }

    /// What was asked, or nil where the line is about something else.
    func asked() throws -> Asked? {
        guard let match = message?.wholeMatch(of: /(?:statement|execute ([^:]*)): (.*)/.dotMatchesNewlines()) else {
            return nil
        }
        let sql = match.2.trimmingCharacters(in: .whitespacesAndNewlines)
        // `parameters: $1 = '12', $2 = NULL, $3 = 'it''s'`
        let values = (detail ?? "").matches(of: /\$\d+ = (NULL|'(?:[^']|'')*')/).map { String($0.1) }
        let name = match.1.flatMap { $0 == "<unnamed>" ? nil : String($0) }
        return sql.isEmpty ? nil : Asked(name: name, sql: sql, values: values)
    }
}

extension LogLine.Asked {
    /// The statement with its values in place.
    fileprivate func filled() throws -> String {
        try sql.replacing(/\$(\d+)/) { match in
            guard let number = Int(match.1), values.indices.contains(number - 1) else {
                throw ValidationError("the log has no value for \(match.0) of \(sql)")
            }
            return values[number - 1]
        }
    }
}

/// The server's log of one database, switched on for a while.
struct Recorder {
    private let cluster: Cluster
    private let database: String
    private let start: Int
    private static let end = "select 'the end of the transcript'"

    /// Everything that connects to the database from now on is recorded.
    init(cluster: Cluster, database: String) async throws {
        self.cluster = cluster
        self.database = database
        let size = try await cluster.sql("select (pg_stat_file(pg_current_logfile('jsonlog'))).size")
        guard let start = Int(size.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw ValidationError("the server writes no log in JSON; scripts/bench-postgres starts one that does")
        }
        self.start = start
        try await cluster.sql("alter database \(database) set log_statement = 'all'")
    }

    /// What was recorded. The server's collector may be a moment behind, so a last statement says when all is there.
    func transcript() async throws -> Transcript {
        try await cluster.sql(Self.end, in: database)
        for _ in 0..<100 {
            let text = try await cluster.sql(
                """
                select pg_read_file(file, \(start), greatest(1, (pg_stat_file(file)).size - \(start)))
                from pg_current_logfile('jsonlog') as file
                """)
            // The last line may not be whole yet.
            let lines = text.split(separator: "\n").compactMap {
                try? JSONDecoder().decode(LogLine.self, from: Data($0.utf8))
            }
            if let last = lines.lastIndex(where: { $0.message?.contains(Self.end) == true }) {
                return try Transcript(lines[..<last].filter { $0.dbname == database })
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw ValidationError("the server's log does not reach its end")
    }
}
