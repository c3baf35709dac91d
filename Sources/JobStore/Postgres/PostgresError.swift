/// What Postgres or the way to it answered, sorted by what the caller does next.
public enum PostgresError: Error, Hashable, Sendable {
    /// No connection, a lost one, a server going down, out of something, or too busy: later may do. A commit under way
    /// may have succeeded.
    case unavailable(String)
    /// More work waits for a connection than the pool's bound.
    case busy
    /// A constraint refused the change; nothing was written.
    case constraint(name: String, message: String)
    /// A statement was refused, by SQLSTATE. A bug, or a database that is not migrated.
    case refused(state: String, message: String)
    /// A row is not what the code expects.
    case unexpectedRow(String)

    /// The SQLSTATE of a write to a server that takes none.
    static let readOnly = "25006"

    init(state: String, constraint: String?, message: String) {
        // https://www.postgresql.org/docs/15/errcodes-appendix.html: 08 connection, 57P operator intervention,
        // 57014 our statement_timeout, 55P03 our lock_timeout, 53 out of connections, memory or disk, 40 rolled back for
        // another's sake, 58 the server's own trouble with its files, 23 integrity.
        switch state {
        case _ where ["08", "57P", "53", "40", "58"].contains { state.hasPrefix($0) }: self = .unavailable(message)
        case "57014", "55P03", Self.readOnly: self = .unavailable(message)
        case _ where state.hasPrefix("23") && constraint != nil:
            self = .constraint(name: constraint ?? "", message: message)
        default: self = .refused(state: state, message: message)
        }
    }
}

extension PostgresError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unavailable(let message): "database unavailable: \(message)"
        case .busy: "the database's connection queue is full"
        case .constraint(let name, let message): "constraint \(name): \(message)"
        case .refused(let state, let message): "SQLSTATE \(state): \(message)"
        case .unexpectedRow(let what): "unexpected row: \(what)"
        }
    }
}
