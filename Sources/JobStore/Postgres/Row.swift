import CLibpq
import Foundation
import VideoModels

/// The rows of one result. Valid while the result lives, on the connection's thread.
struct Rows {
    private final class Handle {
        let result: OpaquePointer
        init(_ result: OpaquePointer) { self.result = result }
        deinit { PQclear(result) }
    }

    private let handle: Handle
    let count: Int
    /// How many rows an insert, update or delete touched.
    let affected: Int

    init(owning result: OpaquePointer) {
        handle = Handle(result)
        count = Int(PQntuples(result))
        affected = Int(String(cString: PQcmdTuples(result))) ?? 0
    }

    func map<T>(_ transform: (Row) throws -> T) rethrows -> [T] {
        try (0..<count).map { try transform(Row(result: handle.result, index: Int32($0))) }
    }

    func first<T>(_ transform: (Row) throws -> T) rethrows -> T? {
        count == 0 ? nil : try transform(Row(result: handle.result, index: 0))
    }
}

/// One row, read by column name. A column that is missing, null or malformed is an error, never a default.
struct Row {
    fileprivate let result: OpaquePointer
    fileprivate let index: Int32

    func text(_ column: String) throws(PostgresError) -> String {
        guard let text = try optionalText(column) else { throw .unexpectedRow("\(column) is null") }
        return text
    }

    func optionalText(_ column: String) throws(PostgresError) -> String? {
        let field = PQfnumber(result, column)
        guard field >= 0 else { throw .unexpectedRow("no column \(column)") }
        return PQgetisnull(result, index, field) == 1 ? nil : String(cString: PQgetvalue(result, index, field))
    }

    private func read<T>(_ column: String, _ parse: (String) -> T?) throws(PostgresError) -> T {
        guard let value = parse(try text(column)) else { throw .unexpectedRow("\(column) is malformed") }
        return value
    }

    func optional<T>(
        _ column: String, _ get: (Row) -> (String) throws(PostgresError) -> T
    ) throws(PostgresError) -> T? {
        try optionalText(column) == nil ? nil : try get(self)(column)
    }

    func int(_ column: String) throws(PostgresError) -> Int { try read(column) { Int($0) } }
    func int64(_ column: String) throws(PostgresError) -> Int64 { try read(column) { Int64($0) } }
    func double(_ column: String) throws(PostgresError) -> Double { try read(column) { Double($0) } }
    func bool(_ column: String) throws(PostgresError) -> Bool { try read(column) { $0 == "t" } }
    func money(_ column: String) throws(PostgresError) -> Money { try read(column) { Money($0) } }
    func date(_ column: String) throws(PostgresError) -> Date { try read(column, Self.date) }
    func bytes(_ column: String) throws(PostgresError) -> [UInt8] { try read(column, Self.bytes) }
    func data(_ column: String) throws(PostgresError) -> Data { Data(try text(column).utf8) }
    func json<T: Decodable>(_ column: String, as type: T.Type = T.self) throws -> T {
        try Wire.decode(T.self, from: try data(column))
    }
    func id<Entity>(_ column: String) throws(PostgresError) -> Identifier<Entity> {
        try read(column) { Identifier($0) }
    }

    /// `2026-11-21 09:30:00.123456+00`: connections run in UTC with ISO dates.
    static func date(_ text: String) -> Date? {
        let parts = text.split(whereSeparator: { "- :+".contains($0) })
        guard text.hasSuffix("+00"), parts.count == 7, let seconds = Double(parts[5]) else { return nil }
        let numbers = parts[..<5].compactMap { Int($0) }
        guard numbers.count == 5 else { return nil }
        let days = daysSince1970(year: numbers[0], month: numbers[1], day: numbers[2])
        return Date(timeIntervalSince1970: Double(days * 86_400 + numbers[3] * 3_600 + numbers[4] * 60) + seconds)
    }

    /// The proleptic Gregorian calendar, counted in years that begin in March so that the leap day comes last.
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }

    /// `\x0aff`
    static func bytes(_ text: String) -> [UInt8]? {
        guard text.hasPrefix("\\x"), text.utf8.count.isMultiple(of: 2) else { return nil }
        let digits = text.utf8.dropFirst(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count - 2 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
