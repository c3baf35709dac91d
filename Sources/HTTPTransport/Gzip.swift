import CZlib

/// gzip (RFC 1952): undone where no header announced it (libcurl undoes the rest), and made for our own answers.
public enum Gzip {
    /// Whether these bytes begin like gzip.
    public static func begins(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

    /// The bytes behind the coding; nil when they are not whole, or more than `limit`.
    public static func expand(_ bytes: [UInt8], atMost limit: Int) -> [UInt8]? {
        guard begins(bytes), limit > 0, let room = UInt32(exactly: limit), let count = UInt32(exactly: bytes.count)
        else { return nil }
        var isWhole = false
        let expanded = [UInt8](unsafeUninitializedCapacity: limit) { output, written in
            var produced: UInt32 = 0
            isWhole = gondola_gunzip(bytes, count, output.baseAddress, room, &produced) == Z_STREAM_END
            written = Int(produced)
        }
        return isWhole ? expanded : nil
    }

    /// The bytes in this coding, fast rather than small; nil when there is no memory, or when they are 4 GB and more.
    public static func compress(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        let bound = gondola_gzip_bound(UInt(bytes.count))
        guard let count = UInt32(exactly: bytes.count), let room = UInt32(exactly: bound) else { return nil }
        var isWhole = false
        let input = bytes.bindMemory(to: UInt8.self)
        let compressed = [UInt8](unsafeUninitializedCapacity: Int(room)) { output, written in
            var produced: UInt32 = 0
            isWhole = gondola_gzip(input.baseAddress, count, output.baseAddress, room, &produced) == Z_STREAM_END
            written = Int(produced)
        }
        return isWhole ? compressed : nil
    }
}
