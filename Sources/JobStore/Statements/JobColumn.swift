/// The columns of `jobs` that make a `JobRecord`, in the order in which every statement that returns jobs lists them.
enum JobColumn: Int32, CaseIterable {
    case userId, id, state, request, maxPrice, account, price, submittingToken, veniceModel, queueId, sealedLink
    case submittedAt, usualSeconds, polls, videoId, isCleanedUp, failureCode, failureMessage, isRefunded
    case attentionKind, attentionEvidence, setbacks, serverErrors, lastSetback, nextActionAt, leaseToken, revision
    case leasedBy, changeSequence, createdAt, updatedAt, deletedAt, consentRequest, consentedAt, failureNotes, hold
    case attentionSince, attentionVerdict, priority, outlook

    /// `jobs.user_id, jobs.id, …`
    static let list = allCases.map { "jobs.\($0.name)" }.joined(separator: ", ")

    /// The case's name in the database's spelling.
    var name: String { "\(self)".replacing(/[A-Z]/) { "_\($0.output.lowercased())" } }
}

extension Row {
    /// A column of a row that begins with `JobColumn.list`.
    func job<T>(
        _ column: JobColumn, _ get: (Row) -> (Field) throws(PostgresError) -> T
    ) throws(PostgresError) -> T {
        try get(self)(Field(place: column.rawValue))
    }

    func jobOptional<T>(
        _ column: JobColumn, _ get: (Row) -> (Field) throws(PostgresError) -> T
    ) throws(PostgresError) -> T? {
        try optional(Field(place: column.rawValue), get)
    }
}
