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
    /// The whole object's facts.
    public let info: ObjectInfo
    /// The part that was opened, within the object.
    public let range: Range<Int64>
    /// The file to send from: the bytes of `range` stand at the same offsets in it.
    public let file: OpenFile

    public var count: Int64 { range.upperBound - range.lowerBound }

    /// The bytes in pieces of at most `size`, read off the cooperative pool as they are asked for.
    public func chunks(of size: Int = 256 << 10) -> Chunks {
        Chunks(file: file, range: range, size: max(1, size))
    }

    public struct Chunks: AsyncSequence, Sendable {
        let file: OpenFile
        let range: Range<Int64>
        let size: Int

        public func makeAsyncIterator() -> Iterator {
            Iterator(file: file, range: range, size: Int64(size))
        }
    }

    public struct Iterator: AsyncIteratorProtocol {
        let file: OpenFile
        var range: Range<Int64>
        let size: Int64

        public mutating func next() async throws(ObjectStoreError) -> [UInt8]? {
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
}
