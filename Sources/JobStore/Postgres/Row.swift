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

    func map<T, Failure>(_ transform: (Row) throws(Failure) -> T) throws(Failure) -> [T] {
        var all: [T] = []
        all.reserveCapacity(count)
        for index in 0..<count { all.append(try transform(Row(result: handle.result, index: Int32(index)))) }
        return all
    }

    func first<T, Failure>(_ transform: (Row) throws(Failure) -> T) throws(Failure) -> T? {
        count == 0 ? nil : try transform(Row(result: handle.result, index: 0))
    }
}

/// Names a column of a result: by name, or by its place where the statement lists its columns.
struct Field: ExpressibleByStringLiteral {
    fileprivate enum Kind {
        case name(StaticString)
        case place(Int32)
    }
    fileprivate var kind: Kind

    init(stringLiteral name: StaticString) { kind = .name(name) }
    init(place: Int32) { kind = .place(place) }
}

/// One row. A column that is missing, null or malformed is an error, never a default.
///
/// Reads both forms: text, and the binary one that statements of the hot path ask for.
struct Row {
    fileprivate let result: OpaquePointer
    fileprivate let index: Int32

    func text(_ column: Field) throws(PostgresError) -> String {
        try read(column) { String(decoding: $0, as: UTF8.self) }
    }

    func optionalText(_ column: Field) throws(PostgresError) -> String? { try optional(column, Row.text) }

    func isNull(_ column: Field) throws(PostgresError) -> Bool { PQgetisnull(result, index, try place(column)) == 1 }

    func optional<T>(
        _ column: Field, _ get: (Row) -> (Field) throws(PostgresError) -> T
    ) throws(PostgresError) -> T? {
        try isNull(column) ? nil : try get(self)(column)
    }

    func int(_ column: Field) throws(PostgresError) -> Int { Int(try int64(column)) }
    func int64(_ column: Field) throws(PostgresError) -> Int64 { try read(column, Cell.integer, Cell.integerText) }
    func double(_ column: Field) throws(PostgresError) -> Double {
        try read(column, Cell.double) { Double(String(decoding: $0, as: UTF8.self)) }
    }
    func bool(_ column: Field) throws(PostgresError) -> Bool {
        try read(column, { $0.count == 1 ? $0[0] == 1 : nil }, { $0.elementsEqual("t".utf8) })
    }
    func money(_ column: Field) throws(PostgresError) -> Money {
        try read(column, Cell.money) { Money(String(decoding: $0, as: UTF8.self)) }
    }
    func date(_ column: Field) throws(PostgresError) -> Date {
        try read(column, Cell.date) { Self.date(String(decoding: $0, as: UTF8.self)) }
    }
    func bytes(_ column: Field) throws(PostgresError) -> [UInt8] {
        try read(column, { Array($0) }, { Self.bytes(String(decoding: $0, as: UTF8.self)) })
    }
    /// JSON as text; the binary form has a version before it.
    func data(_ column: Field) throws(PostgresError) -> Data { try read(column, Cell.json) { Data($0) } }
    func id<Entity>(_ column: Field) throws(PostgresError) -> Identifier<Entity> {
        try read(column, { Cell.uuid($0).map { Identifier($0) } }, { Identifier(String(decoding: $0, as: UTF8.self)) })
    }

    private func read<T>(
        _ column: Field, _ binary: (UnsafeRawBufferPointer) -> T?, _ text: (UnsafeRawBufferPointer) -> T?
    ) throws(PostgresError) -> T {
        let place = try place(column)
        guard PQgetisnull(result, index, place) == 0 else { throw .unexpectedRow("\(name(place)) is null") }
        let cell = UnsafeRawBufferPointer(
            start: PQgetvalue(result, index, place), count: Int(PQgetlength(result, index, place)))
        guard let value = PQfformat(result, place) == 1 ? binary(cell) : text(cell) else {
            throw .unexpectedRow("\(name(place)) is malformed")
        }
        return value
    }

    /// For what looks the same in both forms.
    private func read<T>(_ column: Field, _ parse: (UnsafeRawBufferPointer) -> T?) throws(PostgresError) -> T {
        try read(column, parse, parse)
    }

    private func place(_ column: Field) throws(PostgresError) -> Int32 {
        switch column.kind {
        case .place(let place): return place
        case .name(let name):
            let place = PQfnumber(result, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self))
            guard place >= 0 else { throw .unexpectedRow("no column \(name)") }
            return place
        }
    }

    private func name(_ place: Int32) -> String { PQfname(result, place).map { String(cString: $0) } ?? "\(place)" }

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
