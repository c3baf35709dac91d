/// Bytes that can be read anywhere: a file, or memory in tests.
package struct ByteSource {
    let length: Int64
    /// Reads up to so many bytes at an offset; fewer only at the end.
    let read: (_ offset: Int64, _ count: Int) throws(ObjectStoreError) -> [UInt8]

    init(length: Int64, read: @escaping (Int64, Int) throws(ObjectStoreError) -> [UInt8]) {
        (self.length, self.read) = (length, read)
    }

    package init(bytes: [UInt8]) {
        length = Int64(bytes.count)
        read = { (offset, count) throws(ObjectStoreError) in
            let start = Int(min(max(0, offset), Int64(bytes.count)))
            return Array(bytes[start..<min(bytes.count, start + count)])
        }
    }

    /// Exactly so many bytes; the file ending first means that it is cut.
    func exactly(_ count: Int, at offset: Int64) throws(VideoFileError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(ObjectStoreError) { bytes = try read(offset, count) } catch { throw .unreadable(error) }
        guard bytes.count == count else { throw .truncated(needed: offset + Int64(count), length: length) }
        return bytes
    }
}

extension [UInt8] {
    /// A big-endian number, as everywhere in these files. The caller has checked that it is inside.
    func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type = Number.self) -> Number {
        self[offset..<offset + MemoryLayout<Number>.size].reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }
}
