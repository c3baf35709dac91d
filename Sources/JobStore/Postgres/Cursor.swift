/// The rows of a query in their order, a batch in memory at a time. For use inside one transaction.
struct Cursor<Element> {
    private let connection: Connection
    private let fetch: Statement
    private let read: (Row) throws -> Element
    private var batch: ArraySlice<Element> = []
    private var isAtEnd = false

    init(
        _ query: Statement, on connection: Connection, batch: Int = 5000, read: @escaping (Row) throws -> Element
    ) throws {
        self.connection = connection
        self.read = read
        fetch = Statement("fetch_\(query.name)", "fetch forward \(batch) from \(query.name)")
        try connection.run("declare \(query.name) no scroll cursor for \(query.sql)")
    }

    /// The next row, which stays the next.
    mutating func peek() throws -> Element? {
        if batch.isEmpty, !isAtEnd {
            batch = try connection.execute(fetch).map(read)[...]
            isAtEnd = batch.isEmpty
        }
        return batch.first
    }

    /// The next row, if it is one of those.
    mutating func next(where fits: (Element) -> Bool) throws -> Element? {
        guard let element = try peek(), fits(element) else { return nil }
        batch.removeFirst()
        return element
    }
}
