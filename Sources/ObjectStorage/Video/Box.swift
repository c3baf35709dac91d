/// One part of an MP4 or MOV file: a size, a four-letter type, and a payload that may hold more boxes.
struct Box {
    let type: String
    /// Where the box begins in the file.
    let offset: Int64
    /// What is in it, without its header.
    let payload: Range<Int64>
    /// Whether its size was given as "to the end of the file".
    let isOpenEnded: Bool

    var count: Int64 { payload.upperBound - payload.lowerBound }
    var malformed: VideoFileError { .malformed(box: type, offset: offset) }

    /// Reads the box at `offset`, which must lie whole within `space`.
    ///
    /// At the top level the end of the space is the end of the file, so a box that goes past it was cut; deeper, it
    /// contradicts its parent.
    init(at offset: Int64, in space: Range<Int64>, of source: ByteSource, isTopLevel: Bool) throws(VideoFileError) {
        let available = space.upperBound - offset
        func overrun(by size: Int64, _ type: String) -> VideoFileError {
            let (end, isHuge) = offset.addingReportingOverflow(size)
            if isTopLevel { return .truncated(needed: isHuge ? .max : end, length: space.upperBound) }
            return .malformed(box: type, offset: offset)
        }
        guard available >= 8 else { throw overrun(by: 8, "") }
        let header = try source.exactly(Int(min(16, available)), at: offset)
        let type = Self.type(header[4..<8])
        var (headerSize, size) = (Int64(8), Int64(header.number(at: 0, as: UInt32.self)))
        let isOpenEnded = size == 0
        if isOpenEnded {
            guard isTopLevel else { throw .malformed(box: type, offset: offset) }
            size = available
        } else if size == 1 {
            guard header.count == 16 else { throw overrun(by: 16, type) }
            (headerSize, size) = (16, Int64(clamping: header.number(at: 8, as: UInt64.self)))
        }
        guard size >= headerSize else { throw .malformed(box: type, offset: offset) }
        guard size <= available else { throw overrun(by: size, type) }
        (self.type, self.offset, self.isOpenEnded) = (type, offset, isOpenEnded)
        payload = (offset + headerSize)..<(offset + size)
    }

    /// The first `count` bytes of the payload.
    func head(_ count: Int, of source: ByteSource) throws(VideoFileError) -> [UInt8] {
        guard self.count >= Int64(count) else { throw malformed }
        return try source.exactly(count, at: payload.lowerBound)
    }

    private static func type(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
