import Foundation

/// Produces a request's body a block at a time, whatever its size. Used by one thread.
final class BodyReader {
    /// The exact number of bytes that will be produced.
    let length: Int

    private let parts: [HTTPRequest.Part]
    private var files: [Int: FileHandle] = [:]
    private var next = 0
    private var block: [UInt8] = []
    private var offset = 0
    private(set) var produced = 0

    /// Measures the parts. Files are looked at here and opened by `open`.
    init(_ parts: [HTTPRequest.Part]) throws(HTTPClientError) {
        self.parts = parts
        var length = 0
        for part in parts { length += try Self.length(of: part) }
        self.length = length
    }

    /// Opens every file, so that a missing one is found before anything is sent.
    func open() throws(HTTPClientError) {
        for (index, part) in parts.enumerated() {
            guard case .file(let path, _) = part, files[index] == nil else { continue }
            guard let file = FileHandle(forReadingAtPath: path) else { throw Self.unreadable }
            files[index] = file
        }
    }

    /// Starts over from the first byte.
    func rewind() throws {
        for file in files.values { try file.seek(toOffset: 0) }
        (next, block, offset, produced) = (0, [], 0, 0)
    }

    /// Fills as much of `buffer` as there is; 0 only at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(HTTPClientError) -> Int {
        var filled = 0
        while filled < buffer.count, try refill() {
            let count = min(buffer.count - filled, block.count - offset)
            block.withUnsafeBytes { block in
                buffer.baseAddress!.advanced(by: filled)
                    .copyMemory(from: block.baseAddress!.advanced(by: offset), byteCount: count)
            }
            offset += count
            filled += count
        }
        produced += filled
        guard produced <= length, filled > 0 || produced == length || buffer.isEmpty else { throw Self.changed }
        return filled
    }

    /// Whether there is an unread byte in `block`, after reading on if need be.
    private func refill() throws(HTTPClientError) -> Bool {
        while offset == block.count {
            guard next < parts.count else { return false }
            offset = 0
            switch parts[next] {
            case .bytes(let bytes):
                block = bytes
                next += 1
            case .file(_, let encoding):
                block = try readFile(at: next, encoding: encoding)
                if block.isEmpty { next += 1 }
            }
        }
        return true
    }

    /// The next block of a file, empty at its end. Blocks are whole triples, so that base64 needs padding at the end only.
    private func readFile(at index: Int, encoding: HTTPRequest.Part.Encoding) throws(HTTPClientError) -> [UInt8] {
        guard let file = files[index] else { throw Self.unreadable }
        var data = [UInt8]()
        while data.count < Self.blockSize {
            guard let more = try? file.read(upToCount: Self.blockSize - data.count) else { break }
            if more.isEmpty { break }
            data += more
        }
        return encoding == .raw ? data : Base64.encode(data)
    }

    private static func length(of part: HTTPRequest.Part) throws(HTTPClientError) -> Int {
        switch part {
        case .bytes(let bytes): return bytes.count
        case .file(let path, let encoding):
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
                attributes[.type] as? FileAttributeType == .typeRegular, let size = attributes[.size] as? Int
            else { throw unreadable }
            return encoding == .raw ? size : Base64.encodedLength(of: size)
        }
    }

    private static let blockSize = 48 * 1024
    private static let unreadable = HTTPClientError(.invalidRequest, "a file of the body cannot be read")
    private static let changed = HTTPClientError(
        .bodySource, sent: .maybe, "a file of the body changed its size or could not be read to its end")
}

/// Padded base64 (RFC 4648, section 4), two characters a look-up.
enum Base64 {
    static func encodedLength(of count: Int) -> Int { (count + 2) / 3 * 4 }

    static func encode(_ input: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: encodedLength(of: input.count)) { output, written in
            var from = 0
            var to = 0
            while from + 2 < input.count {
                let triple = Int(input[from]) << 16 | Int(input[from + 1]) << 8 | Int(input[from + 2])
                (output[to], output[to + 1]) = pairs[triple >> 12]
                (output[to + 2], output[to + 3]) = pairs[triple & 0xfff]
                from += 3
                to += 4
            }
            if from < input.count {
                let last = from + 1 < input.count ? Int(input[from + 1]) : 0
                let triple = Int(input[from]) << 16 | last << 8
                (output[to], output[to + 1]) = pairs[triple >> 12]
                output[to + 2] = from + 1 < input.count ? pairs[triple & 0xfff].0 : UInt8(ascii: "=")
                output[to + 3] = UInt8(ascii: "=")
                to += 4
            }
            written = to
        }
    }

    private static let pairs: [(UInt8, UInt8)] = {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        return (0..<4096).map { (alphabet[$0 >> 6], alphabet[$0 & 63]) }
    }()
}
