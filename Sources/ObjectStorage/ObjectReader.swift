import Foundation

/// An open file that closes itself when nobody holds it any more.
public final class OpenFile: Sendable {
    /// For `pread` and `sendfile`; nobody may close it or move its position.
    public let descriptor: Int32

    /// Takes over an open descriptor.
    public init(owning descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { _ = close(descriptor) }
}

/// An opened part of an object.
public struct ObjectReader: Sendable {
    enum Source: Sendable {
        case file(OpenFile)
        case remote(RemoteObject)
    }

    /// The whole object's facts.
    public let info: ObjectInfo
    /// The part that was opened, within the object.
    public let range: Range<Int64>
    let source: Source

    init(info: ObjectInfo, range: Range<Int64>?, source: Source) {
        self.info = info
        self.range = (range ?? 0..<info.bytes).clamped(to: 0..<info.bytes)
        self.source = source
    }

    public var count: Int64 { range.upperBound - range.lowerBound }

    /// The file to send from, where there is one: the bytes of `range` stand at the same offsets in it.
    public var file: OpenFile? {
        if case .file(let file) = source { file } else { nil }
    }

    /// Another part of the same object.
    public func part(_ range: Range<Int64>) -> ObjectReader {
        ObjectReader(info: info, range: range, source: source)
    }

    /// The bytes as they are asked for, in pieces of at most `size`, or as they arrive from a service.
    ///
    /// A remote object that is read whole is hashed on the way: where its hash is known and the bytes have another, the last
    /// piece is withheld and `corrupted` thrown.
    public func chunks(of size: Int = 256 << 10) -> Chunks {
        Chunks(reader: self, size: max(1, size))
    }

    public struct Chunks: AsyncSequence, Sendable {
        let reader: ObjectReader
        let size: Int

        public func makeAsyncIterator() -> Iterator {
            switch reader.source {
            case .file(let file): Iterator(way: .file(FileChunks(file: file, range: reader.range, size: Int64(size))))
            case .remote(let object):
                Iterator(way: .remote(RemoteChunks(object: object, info: reader.info, range: reader.range)))
            }
        }
    }

    public struct Iterator: AsyncIteratorProtocol {
        enum Way {
            case file(FileChunks)
            case remote(RemoteChunks)
        }

        var way: Way

        public mutating func next() async throws(ObjectStoreError) -> [UInt8]? {
            switch way {
            case .file(var chunks):
                let chunk = try await chunks.next()
                way = .file(chunks)
                return chunk
            case .remote(let chunks): return try await chunks.next()
            }
        }
    }
}

struct FileChunks {
    let file: OpenFile
    var range: Range<Int64>
    let size: Int64

    mutating func next() async throws(ObjectStoreError) -> [UInt8]? {
        guard !range.isEmpty else { return nil }
        let (file, offset) = (file, range.lowerBound)
        let wanted = Int(min(size, range.upperBound - offset))
        let chunk = try await BlockingIO.run { () throws(ObjectStoreError) in
            try File.read(file.descriptor, at: offset, upTo: wanted)
        }
        // The file was shortened under us: someone else writes in our folder.
        guard !chunk.isEmpty else { throw .truncated(expected: range.upperBound, got: offset) }
        range = (offset + Int64(chunk.count))..<range.upperBound
        return chunk
    }
}
