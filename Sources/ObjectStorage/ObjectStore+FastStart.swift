extension ObjectStore {
    /// The same video, staged with its index in front; nil where it is there already, or where the file is better left as it
    /// is. The given one stays staged, so that on any doubt it is what is kept. Throws only when the task was cancelled: then
    /// it is not told which of both would have been kept.
    public func stagedFastStart(of staged: StagedObject) async throws -> StagedObject? {
        do {
            guard let plan = try await FastStart.plan(staged.path) else { return nil }
            let body = FastStart.Body(plan: plan, file: try File.open(staged.path, LocalObjectStore.readFlags))
            let moved = try await stage(expecting: staged.bytes, atMost: staged.bytes, body: body)
            if (try? await plan.isFulfilled(staged.path, moved.path)) == true { return moved }
            await discard(moved)
            return nil
        } catch {
            try Task.checkCancellation()
            return nil
        }
    }
}

extension FastStart {
    fileprivate static func plan(_ path: String) async throws -> FastStart? {
        try await BlockingIO.run { () throws(VideoFileError) in try FastStart(try source(path)) }
    }

    fileprivate func isFulfilled(_ old: String, _ new: String) async throws -> Bool {
        try await BlockingIO.run { () throws(VideoFileError) in
            try isFulfilled(try Self.source(old), try Self.source(new))
        }
    }

    private static func source(_ path: String) throws(VideoFileError) -> ByteSource {
        do throws(ObjectStoreError) {
            return try ByteSource(file: File.open(path, LocalObjectStore.readFlags), path: path)
        } catch {
            throw .unreadable(error)
        }
    }

    /// The new file's bytes, a block at a time.
    struct Body: AsyncSequence, Sendable {
        let plan: FastStart
        let file: OpenFile

        func makeAsyncIterator() -> Iterator { Iterator(file: file, pieces: plan.pieces[...]) }
    }

    struct Iterator: AsyncIteratorProtocol {
        let file: OpenFile
        var pieces: ArraySlice<Piece>
        private static let block: Int64 = 1 << 20

        init(file: OpenFile, pieces: ArraySlice<Piece>) { (self.file, self.pieces) = (file, pieces) }

        mutating func next() async throws -> [UInt8]? {
            guard let piece = pieces.popFirst() else { return nil }
            switch piece {
            case .bytes(let bytes): return bytes
            case .range(let range) where range.isEmpty: return try await next()
            case .range(let range):
                let count = min(Self.block, range.upperBound - range.lowerBound)
                let file = file
                let bytes = try await BlockingIO.run { () throws(ObjectStoreError) in
                    try File.read(file.descriptor, at: range.lowerBound, upTo: Int(count))
                }
                guard Int64(bytes.count) == count else {
                    throw ObjectStoreError.truncated(expected: range.upperBound, got: range.lowerBound)
                }
                pieces = [.range((range.lowerBound + count)..<range.upperBound)] + pieces
                return bytes
            }
        }
    }
}
