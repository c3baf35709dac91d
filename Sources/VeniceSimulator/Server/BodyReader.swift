import Foundation
import NIOCore

extension Answer.Body {
    var length: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .video(let file): file.length
        case .part(_, let range): range.count
        case .filler(let length): length
        }
    }
}

/// Turns a body into what NIO writes.
enum BodyReader {
    struct Piece {
        var data: IOData
        var written: EventLoopPromise<Void>?
    }

    /// The whole body; a file goes out by sendfile(2). Opening it blocks the loop for as long as open(2) takes.
    static func pieces(of body: Answer.Body, _ loop: any EventLoop) throws -> [Piece] {
        switch body {
        case .bytes(let bytes):
            return bytes.isEmpty ? [] : [Piece(data: .byteBuffer(ByteBuffer(bytes: bytes)))]
        case .video(let file): return try pieces(of: file, 0..<file.length, loop)
        case .part(let file, let range): return try pieces(of: file, range, loop)
        case .filler(let length):
            return [Piece(data: .byteBuffer(ByteBuffer(bytes: filler(from: 0, count: length, of: length))))]
        }
    }

    private static func pieces(of file: MediaFile, _ range: Range<Int>, _ loop: any EventLoop) throws -> [Piece] {
        var pieces: [Piece] = []
        if range.lowerBound < file.sharedLength {
            let handle = try NIOFileHandle(path: file.path)
            let bound = NIOLoopBound(handle, eventLoop: loop)
            let written = loop.makePromise(of: Void.self)
            written.futureResult.whenComplete { _ in try? bound.value.close() }
            let region = FileRegion(
                fileHandle: handle, readerIndex: range.lowerBound,
                endIndex: min(range.upperBound, file.sharedLength))
            pieces.append(Piece(data: .fileRegion(region), written: written))
        }
        let trailer = range.clamped(to: file.sharedLength..<file.length)
        if !trailer.isEmpty {
            let bytes = file.trailer.dropFirst(trailer.lowerBound - file.sharedLength).prefix(trailer.count)
            pieces.append(Piece(data: .byteBuffer(ByteBuffer(bytes: bytes))))
        }
        return pieces
    }

    /// At most `count` bytes from `position`; empty at the end.
    static func read(_ body: Answer.Body, from position: Int, count: Int) throws -> Data {
        switch body {
        case .bytes(let bytes): return bytes.dropFirst(position).prefix(count)
        case .video(let file): return try read(file, from: position, count: count)
        case .part(let file, let range):
            let start = range.lowerBound + position
            return try read(file, from: start, count: min(count, max(0, range.upperBound - start)))
        case .filler(let length): return filler(from: position, count: count, of: length)
        }
    }

    private static func read(_ file: MediaFile, from position: Int, count: Int) throws -> Data {
        if position >= file.sharedLength {
            return file.trailer.dropFirst(position - file.sharedLength).prefix(count)
        }
        let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: file.path))
        defer { try? handle.close() }
        try handle.seek(toOffset: UInt64(position))
        let wanted = min(count, file.sharedLength - position)
        return wanted == 0 ? Data() : try handle.read(upToCount: wanted) ?? Data()
    }

    private static let opening = Data(#"{"padding":""#.utf8)

    /// `{"padding":"aaa…"}`; what is too short for that is cut off.
    private static func filler(from position: Int, count: Int, of length: Int) -> Data {
        let wanted = max(0, min(count, length - position))
        var bytes = Data(repeating: 0x61, count: wanted)
        for index in 0..<min(wanted, max(0, opening.count - position)) { bytes[index] = opening[position + index] }
        for (offset, byte) in [(length - 2, UInt8(0x22)), (length - 1, 0x7D)]
        where offset >= opening.count && (position..<position + wanted).contains(offset) {
            bytes[offset - position] = byte
        }
        return bytes
    }
}
