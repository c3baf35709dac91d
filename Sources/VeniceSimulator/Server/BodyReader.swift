import Foundation
import NIOCore

extension Answer.Body {
    var length: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .video(let file): file.length
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
        case .video(let file):
            let handle = try NIOFileHandle(path: file.path)
            let bound = NIOLoopBound(handle, eventLoop: loop)
            let written = loop.makePromise(of: Void.self)
            written.futureResult.whenComplete { _ in try? bound.value.close() }
            let region = FileRegion(fileHandle: handle, readerIndex: 0, endIndex: file.sharedLength)
            return [
                Piece(data: .fileRegion(region), written: written),
                Piece(data: .byteBuffer(ByteBuffer(bytes: file.trailer))),
            ]
        }
    }

    /// At most `count` bytes from `position`; empty at the end.
    static func read(_ body: Answer.Body, from position: Int, count: Int) throws -> Data {
        switch body {
        case .bytes(let bytes): return bytes.dropFirst(position).prefix(count)
        case .video(let file):
            if position >= file.sharedLength {
                return file.trailer.dropFirst(position - file.sharedLength).prefix(count)
            }
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: file.path))
            defer { try? handle.close() }
            try handle.seek(toOffset: UInt64(position))
            let wanted = min(count, file.sharedLength - position)
            return wanted == 0 ? Data() : try handle.read(upToCount: wanted) ?? Data()
        }
    }
}
