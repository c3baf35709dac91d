import Foundation

/// Produces a request's body a block at a time, whatever its size. Used by one thread.
package final class BodyReader {
    /// The exact number of bytes that will be produced.
    package let length: Int
    package private(set) var produced = 0

    private let parts: [HTTPRequest.Part]
    private var files: [Int: FileHandle] = [:]
    /// The part that is being produced, and how much of it (of its block, for a file) is out.
    private var current = 0
    private var offset = 0
    private var block = FileBlock()

    /// Measures the parts. Files are looked at here and opened by `open`.
    package init(_ parts: [HTTPRequest.Part]) throws(HTTPClientError) {
        self.parts = parts
        var length = 0
        for part in parts { length += try Self.length(of: part) }
        self.length = length
    }

    /// The most bytes of files that are in memory at any time, read and encoded together.
    package var bytesHeld: Int { block.capacity }

    /// Opens every file, so that a missing one is found before anything is sent.
    package func open() throws(HTTPClientError) {
        for (index, part) in parts.enumerated() {
            guard let path = part.path, files[index] == nil else { continue }
            guard let file = FileHandle(forReadingAtPath: path), (try? file.seek(toOffset: part.start)) != nil else {
                throw Self.unreadable
            }
            files[index] = file
        }
    }

    /// Starts over from the first byte.
    func rewind() throws {
        for (index, file) in files { try file.seek(toOffset: parts[index].start) }
        (current, offset, produced) = (0, 0, 0)
        block.empty()
    }

    /// Fills as much of `buffer` as there is; 0 only at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(HTTPClientError) -> Int {
        var filled = 0
        while filled < buffer.count, current < parts.count {
            let count = try produce(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if count == 0 {
                (current, offset) = (current + 1, 0)
                block.empty()
            }
            filled += count
        }
        produced += filled
        guard produced <= length, filled > 0 || produced == length || buffer.isEmpty else { throw Self.changed }
        return filled
    }

    /// Some bytes of the current part; 0 at its end.
    private func produce(into room: UnsafeMutableRawBufferPointer) throws(HTTPClientError) -> Int {
        switch parts[current] {
        case .bytes(let bytes):
            let count = min(room.count, bytes.count - offset)
            bytes.withUnsafeBytes {
                room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]))
            }
            offset += count
            return count
        case .file(_, let encoding):
            guard let file = files[current] else { throw Self.unreadable }
            return block.take(into: room, from: file.fileDescriptor, encoding)
        case .slice(_, let range):
            guard let file = files[current] else { throw Self.unreadable }
            let left = min(room.count, range.count - offset)
            let count = block.take(
                into: UnsafeMutableRawBufferPointer(rebasing: room[..<left]), from: file.fileDescriptor, .raw)
            offset += count
            return count
        }
    }

    private static func length(of part: HTTPRequest.Part) throws(HTTPClientError) -> Int {
        switch part {
        case .bytes(let bytes): return bytes.count
        case .file(let path, let encoding):
            let size = try size(ofFileAt: path)
            return encoding == .raw ? size : Base64.encodedLength(of: size)
        case .slice(let path, let range):
            guard range.lowerBound >= 0, range.upperBound <= (try size(ofFileAt: path)) else { throw unreadable }
            return range.count
        }
    }

    private static func size(ofFileAt path: String) throws(HTTPClientError) -> Int {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            attributes[.type] as? FileAttributeType == .typeRegular, let size = attributes[.size] as? Int
        else { throw unreadable }
        return size
    }

    private static let unreadable = HTTPClientError(.invalidRequest, "a file of the body cannot be read")
    private static let changed = HTTPClientError(
        .bodySource, sent: .maybe, "a file of the body changed its size or could not be read to its end")
}

extension HTTPRequest.Part {
    /// Of the file, if it is one.
    fileprivate var path: String? {
        switch self {
        case .bytes: nil
        case .file(let path, _), .slice(let path, _): path
        }
    }

    /// Where in the file it begins.
    fileprivate var start: UInt64 {
        if case .slice(_, let range) = self { UInt64(range.lowerBound) } else { 0 }
    }
}

/// The one block of a file that is in memory, in the form that goes out. Its buffers are made once and used again.
private struct FileBlock {
    private var raw: [UInt8] = []
    private var encoded: [UInt8] = []
    private var unread = 0..<0

    /// Whole triples, so that base64 needs padding at the end of a file only.
    private static let size = 48 * 1024

    var capacity: Int { raw.count + encoded.count }

    mutating func empty() { unread = 0..<0 }

    /// Copies what there is room for, reading on when nothing is left; 0 at the end of the file.
    mutating func take(
        into room: UnsafeMutableRawBufferPointer, from file: CInt, _ encoding: HTTPRequest.Part.Encoding
    ) -> Int {
        if unread.isEmpty { fill(from: file, encoding) }
        let taken = unread.prefix(room.count)
        let source = encoding == .raw ? raw : encoded
        source.withUnsafeBytes { room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[taken])) }
        unread = taken.upperBound..<unread.upperBound
        return taken.count
    }

    private mutating func fill(from file: CInt, _ encoding: HTTPRequest.Part.Encoding) {
        if raw.isEmpty { raw = [UInt8](repeating: 0, count: Self.size) }
        let count = raw.withUnsafeMutableBytes { Self.readFully(file, into: $0) }
        unread = 0..<count
        guard encoding == .base64 else { return }
        if encoded.isEmpty { encoded = [UInt8](repeating: 0, count: Base64.encodedLength(of: Self.size)) }
        let length = raw.withUnsafeBytes { raw in
            encoded.withUnsafeMutableBytes { Base64.encode(UnsafeRawBufferPointer(rebasing: raw[..<count]), into: $0) }
        }
        unread = 0..<length
    }

    /// Fewer bytes than there is room for only at the end. What cannot be read counts as the end: the length then tells.
    private static func readFully(_ file: CInt, into room: UnsafeMutableRawBufferPointer) -> Int {
        var filled = 0
        while filled < room.count {
            let got = Foundation.read(file, room.baseAddress! + filled, room.count - filled)
            if got > 0 { filled += got } else if got == 0 || errno != EINTR { break }
        }
        return filled
    }
}

/// Padded base64 (RFC 4648, section 4), two characters a look-up.
enum Base64 {
    static func encodedLength(of count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Writes the encoded form and returns its length; there must be room for it.
    static func encode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        precondition(output.count >= encodedLength(of: input.count))
        return pairs.withUnsafeBufferPointer { pairs in
            var (from, to) = (0, 0)
            // Eight bytes are loaded and six of them used: eight characters at once.
            while from + 8 <= input.count {
                let bits = UInt64(bigEndian: input.loadUnaligned(fromByteOffset: from, as: UInt64.self)) >> 16
                let low = UInt32(pairs[Int(bits >> 36)]) | UInt32(pairs[Int(bits >> 24 & 0xfff)]) << 16
                let high = UInt32(pairs[Int(bits >> 12 & 0xfff)]) | UInt32(pairs[Int(bits & 0xfff)]) << 16
                output.storeBytes(of: low.littleEndian, toByteOffset: to, as: UInt32.self)
                output.storeBytes(of: high.littleEndian, toByteOffset: to + 4, as: UInt32.self)
                (from, to) = (from + 6, to + 8)
            }
            while from < input.count {
                let triple = (0..<3).reduce(0) { $0 << 8 | (from + $1 < input.count ? Int(input[from + $1]) : 0) }
                output.storeBytes(of: pairs[triple >> 12].littleEndian, toByteOffset: to, as: UInt16.self)
                output.storeBytes(of: pairs[triple & 0xfff].littleEndian, toByteOffset: to + 2, as: UInt16.self)
                (from, to) = (from + 3, to + 4)
            }
            for padding in 0..<(from - input.count) { output[to - 1 - padding] = UInt8(ascii: "=") }
            return to
        }
    }

    /// Both characters of every twelve bits, the first in the lower byte.
    private static let pairs: [UInt16] = {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        return (0..<4096).map { UInt16(alphabet[$0 >> 6]) | UInt16(alphabet[$0 & 63]) << 8 }
    }()
}
