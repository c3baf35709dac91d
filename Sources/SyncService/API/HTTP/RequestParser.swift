import NIOCore

/// Finds requests in a stream of bytes: heads, then what belongs to their bodies.
///
/// It owns no bytes: it takes what it understands from the caller's buffer and leaves the rest there. After it has thrown,
/// the connection cannot be read any further.
struct RequestParser: Sendable {
    enum BodyPart: Hashable, Sendable {
        case bytes(ByteBuffer)
        case end
    }

    private enum Body {
        case none
        case length(left: Int64)
        case chunkSize
        case chunk(left: Int64)
        case chunkEnd
        case trailers(bytes: Int)
    }

    private let limits: HTTPServerLimits
    private var body = Body.none
    /// How far the buffer has been searched for the end of the head.
    private var searched = 0

    init(limits: HTTPServerLimits) {
        self.limits = limits
    }

    /// What is left of the body, if that is known.
    var bodyBytesLeft: Int64? {
        switch body {
        case .none: 0
        case .length(let left): left
        case .chunkSize, .chunk, .chunkEnd, .trailers: nil
        }
    }

    /// The next head, or nil if it is not complete. To be asked only after the body before has ended.
    mutating func head(from buffer: inout ByteBuffer) throws(RequestRefusal) -> RequestHead? {
        // Some old clients send an empty line after a body.
        while searched == 0, buffer.readableBytesView.starts(with: [0x0d, 0x0a]) {
            buffer.moveReaderIndex(forwardBy: 2)
        }
        guard let length = endOfHead(in: buffer) else {
            try checkIncomplete(buffer)
            searched = max(0, buffer.readableBytes - 3)
            return nil
        }
        searched = 0
        guard length <= limits.headerBytes else { throw tooLarge(buffer) }
        let bytes = buffer.readSlice(length: length)!
        let limits = limits
        let result = bytes.withUnsafeReadableBytes { bytes in
            Result { () throws(RequestRefusal) in try RequestHead(parsing: bytes, limits: limits) }
        }
        let head = try result.get()
        switch head.framing {
        case .none: body = .none
        case .length(let length): body = .length(left: length)
        case .chunked: body = .chunkSize
        }
        return head
    }

    /// The next part of the body, or nil if more bytes are needed. After `end`, the next head follows.
    mutating func bodyPart(from buffer: inout ByteBuffer) throws(RequestRefusal) -> BodyPart? {
        while true {
            switch body {
            case .none:
                return .end
            case .length(let left):
                guard let bytes = take(left, from: &buffer) else { return nil }
                let rest = left - Int64(bytes.readableBytes)
                body = rest == 0 ? .none : .length(left: rest)
                return .bytes(bytes)
            case .chunkSize:
                guard let line = try line(from: &buffer) else { return nil }
                let size = try Self.chunkSize(line)
                body = size == 0 ? .trailers(bytes: 0) : .chunk(left: size)
            case .chunk(let left):
                guard let bytes = take(left, from: &buffer) else { return nil }
                let rest = left - Int64(bytes.readableBytes)
                body = rest == 0 ? .chunkEnd : .chunk(left: rest)
                return .bytes(bytes)
            case .chunkEnd:
                guard buffer.readableBytes >= 2 else { return nil }
                guard buffer.readInteger(as: UInt16.self) == 0x0d0a else { throw badChunk }
                body = .chunkSize
            case .trailers(let bytes):
                guard let line = try line(from: &buffer) else { return nil }
                // Trailers are read past; nobody here uses them.
                guard bytes + line.count <= limits.headerBytes else {
                    throw .headersTooLarge(limit: limits.headerBytes)
                }
                body = line.isEmpty ? .none : .trailers(bytes: bytes + line.count + 2)
            }
        }
    }

    private func endOfHead(in buffer: ByteBuffer) -> Int? {
        buffer.withUnsafeReadableBytes { bytes in
            var from = searched
            while let newline = bytes[from...].firstIndex(of: 0x0a) {
                if newline >= 3, bytes[newline - 1] == 0x0d, bytes[newline - 2] == 0x0a, bytes[newline - 3] == 0x0d {
                    return newline + 1
                }
                from = newline + 1
            }
            return nil
        }
    }

    private func checkIncomplete(_ buffer: ByteBuffer) throws(RequestRefusal) {
        if buffer.readableBytes > min(limits.headerBytes, limits.targetBytes + 64) {
            let hasLine = buffer.readableBytesView.contains(0x0a)
            if !hasLine || buffer.readableBytes > limits.headerBytes { throw tooLarge(buffer) }
        }
    }

    /// Whose fault it is: the first line's or the fields'.
    private func tooLarge(_ buffer: ByteBuffer) -> RequestRefusal {
        let line = buffer.readableBytesView.firstIndex(of: 0x0a).map { $0 - buffer.readerIndex } ?? buffer.readableBytes
        return line > limits.targetBytes
            ? .targetTooLong(limit: limits.targetBytes) : .headersTooLarge(limit: limits.headerBytes)
    }

    private func take(_ left: Int64, from buffer: inout ByteBuffer) -> ByteBuffer? {
        guard buffer.readableBytes > 0 else { return nil }
        return buffer.readSlice(length: Int(min(left, Int64(buffer.readableBytes))))
    }

    private var badChunk: RequestRefusal { .malformed("The chunks of the body are malformed.") }

    /// A chunk's size with its extensions, or a trailer: short, ended by CRLF, without control characters.
    private func line(from buffer: inout ByteBuffer) throws(RequestRefusal) -> [UInt8]? {
        let view = buffer.readableBytesView.prefix(Self.longestLine)
        guard let newline = view.firstIndex(of: 0x0a) else {
            guard view.count < Self.longestLine else { throw badChunk }
            return nil
        }
        let line = Array(view[..<newline])
        guard line.last == 0x0d, line.dropLast().allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
            throw badChunk
        }
        buffer.moveReaderIndex(to: newline + 1)
        return line.dropLast()
    }

    private static let longestLine = 1 << 10

    private static func chunkSize(_ line: [UInt8]) throws(RequestRefusal) -> Int64 {
        let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 && $0 != 0x09 }
        let isHexadecimal = digits.allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
            default: false
            }
        }
        let rest = line.dropFirst(digits.count).drop { $0 == 0x20 || $0 == 0x09 }
        guard (1...15).contains(digits.count), isHexadecimal, rest.isEmpty || rest.first == UInt8(ascii: ";"),
            let size = Int64(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw .malformed("The chunks of the body are malformed.") }
        return size
    }
}
