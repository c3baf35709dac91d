import Foundation
import VideoModels

/// The bytes of a `FileChangeStore`: lines of text, each a checksum and a record.
///
///     71c62bd4bd3a5bb1 {"beginning":5120,"format":"gondola-changes","version":1}
///     5a1f0c2e99d0b6f3 {"changes":[…],"drops_earlier_rounds":false,"state":{"cursor":"…",…}}
///
/// The checksum is FNV-1a (64 bits, hexadecimal) of the record's bytes, which hold no line end. The first line names the
/// format, and how many bytes behind it were written together with it; each other is a `ChangeBatch`. Their effect one after the other is the copy, and so is that of the first n for
/// an earlier moment: a file that ends too early is an older copy with the cursor that belongs to it.
enum ChangeLog {
    private struct Header: Codable, Equatable {
        var format = "gondola-changes"
        var version = 1
        var beginning: Int?

        var isReadable: Bool { format == Header().format && version == Header().version }
    }

    /// What a file holds.
    struct Reading {
        var contents = MemoryChangeStore()
        /// How many bytes of it count.
        var length = 0
        /// How many it had when it was new; 0 where that is not told.
        var beginning = 0
        /// Why the rest does not.
        var fault: Fault?
    }

    enum Fault: Equatable {
        /// The last line is not whole: it was being written when the process or the device died.
        case torn
        case damaged(String)
    }

    static func read(_ data: Data) -> Reading {
        var reading = Reading()
        while reading.length < data.count, reading.fault == nil {
            let start = data.startIndex + reading.length
            let end = data[start...].firstIndex(of: newline)
            let line = data[start..<(end ?? data.endIndex)]
            do throws(ChangeLogFault) {
                try take(line, into: &reading)
                // Only the line end says that the line was written to its end.
                guard end != nil else { throw ChangeLogFault("its last line has no end") }
                reading.length += line.count + 1
            } catch {
                let isLast = end.map { $0 + 1 == data.endIndex } ?? true
                reading.fault = isLast && reading.length > 0 ? .torn : .damaged(error.what)
            }
        }
        return reading
    }

    /// The contents as a new file, with no trace of how they came to be.
    static func file(of contents: MemoryChangeStore) throws -> Data {
        var data = Data()
        for (round, changes) in contents.byRound() {
            var state = FeedState()
            state.round = round
            for start in stride(from: 0, to: changes.count, by: 500) {
                let part = Array(changes[start..<min(start + 500, changes.count)])
                data += try line(ChangeBatch(state, changes: part))
            }
        }
        data += try line(ChangeBatch(contents.state))
        return try line(Header(beginning: data.count)) + data
    }

    static func line(_ record: some Encodable) throws -> Data { line(json: try Wire.encode(record)) }

    static func line(json: Data) -> Data { Data((checksum(json) + " ").utf8) + json + [newline] }

    private static let newline = UInt8(ascii: "\n")

    private static func checksum(_ data: Data) -> String {
        data.withUnsafeBytes { FeedDigest.hex(FeedDigest.fnv1a($0)) }
    }

    private static func take(_ line: Data, into reading: inout Reading) throws(ChangeLogFault) {
        let record = Data(line.dropFirst(17))
        guard line.count > 17, line.prefix(17).elementsEqual((checksum(record) + " ").utf8) else {
            throw ChangeLogFault("the line at byte \(reading.length) does not match its checksum")
        }
        if reading.length == 0 {
            guard let header = try? Wire.decode(Header.self, from: record), header.isReadable else {
                throw ChangeLogFault("it has a format that this version does not know")
            }
            reading.beginning = header.beginning.map { line.count + 1 + $0 } ?? 0
            return
        }
        guard let batch = try? Wire.decode(ChangeBatch.self, from: record) else {
            throw ChangeLogFault("this version cannot read the record at byte \(reading.length)")
        }
        reading.contents.commit(batch)
    }
}

/// Why a line cannot be taken.
private struct ChangeLogFault: Error {
    var what: String

    init(_ what: String) { self.what = what }
}
