import Foundation
import JobStore
import ObjectStorage
import VideoModels

/// Brings uploads to their end: whether a file comes at once or in pieces, there is one way from its last byte to the asset.
///
/// An upload has its row before any of its bytes are kept, and the asset has the upload's name. So whatever a process that
/// dies leaves behind belongs to a row that expires, and finishing can be repeated by anybody without making two.
struct UploadDesk: Sendable {
    var store: PostgresStore
    var objects: any ObjectStore
    var quota: AssetQuota
    /// Seconds without a new byte until an upload expires.
    var uploadLifetime: TimeInterval
    /// Seconds without use until an asset does.
    var assetLifetime: TimeInterval
    /// Asked before anything that came is counted; throws where its sender may not send any more.
    var checkSender: @Sendable () throws -> Void = {}

    /// What is lost at most when a server dies; a connection that breaks loses nothing that arrived. Also how much of a
    /// body gathers in a file before it is durable.
    static let pieceBytes = 8 << 20
    /// Pieces of an upload; a client that sends tiny ones would make the last step endless.
    static let mostPieces = 10_000
    /// Seconds without a sign of life until another may go on in place of a writer that died.
    static let lease: TimeInterval = 30

    var cleaner: UploadCleaner { UploadCleaner(store: store, objects: objects) }

    func begin(
        _ user: UserID, bytes: Int64, metadata: String? = nil, writer: UploadWriter?
    ) async throws -> UploadRecord {
        try await store.addUpload(
            AssetID(at: .nowInMicroseconds), user: user, bytes: bytes, metadata: metadata, writer: writer,
            lifetime: uploadLifetime, quota: quota)
    }

    /// Makes an asset of a body that came whole.
    func takeIn(_ staged: StagedObject, of user: UserID) async throws -> Asset {
        let writer = UploadWriter(lease: Self.lease)
        let upload: UploadRecord
        do {
            try checkSender()
            upload = try await begin(user, bytes: staged.bytes, writer: writer)
        } catch {
            await objects.discard(staged)
            throw error
        }
        return try await holding(upload, writer) { try await keep(staged, as: upload, by: writer) }
    }

    /// Appends a body, a durable piece at a time, and finishes the upload where that was the last of it. What has arrived
    /// of a body that breaks off is kept, unless it has a checksum: then all of it counts or nothing.
    func append(
        _ body: RequestBody, checksum: UploadChecksum?, to upload: UploadRecord, by writer: UploadWriter
    ) async throws -> UploadRecord {
        try await holding(upload, writer) {
            let body = body.limited(to: upload.bytes - upload.received)
            let cutter = BodyCutter(body, hashing: checksum?.algorithm)
            var upload = upload
            while await cutter.hasMore() {
                guard let grown = try await append(cutter, checksum, to: upload, by: writer) else { break }
                upload = grown
            }
            if let failure = cutter.failure { throw failure }
            return try await finishIfWhole(upload, by: writer)
        }
    }

    /// The last step, where it is due.
    func finishIfWhole(_ upload: UploadRecord, by writer: UploadWriter) async throws -> UploadRecord {
        guard upload.received == upload.bytes, !upload.isFinished else { return upload }
        let pieces = try await store.pieces(of: upload.id, user: upload.user)
        let staged = try await objects.stage(
            expecting: upload.bytes, atMost: upload.bytes, body: PieceBytes(objects: objects, pieces: pieces))
        _ = try await keep(staged, as: upload, by: writer)
        // What cannot be removed now goes when the row does.
        try? await cleaner.removePieces(of: upload)
        var finished = upload
        finished.isFinished = true
        return finished
    }

    /// Nil where what came is not to be kept; the cutter knows why.
    private func append(
        _ cutter: BodyCutter, _ checksum: UploadChecksum?, to upload: UploadRecord, by writer: UploadWriter
    ) async throws -> UploadRecord? {
        guard upload.pieces < Self.mostPieces else {
            throw Problem(
                status: 409, code: .stateConflict, title: "The upload has come in too many pieces",
                detail: "Begin it anew, with larger ones.")
        }
        let limit = checksum == nil ? Self.pieceBytes : Int.max
        let staged = try await objects.stage(
            expecting: nil, atMost: upload.bytes - upload.received, body: cutter.piece(atMost: limit))
        do {
            try checkSender()
            guard try isWanted(staged, cutter, checksum) else {
                await objects.discard(staged)
                return nil
            }
        } catch {
            await objects.discard(staged)
            throw error
        }
        return try await add(staged, to: upload, by: writer)
    }

    private func isWanted(_ staged: StagedObject, _ cutter: BodyCutter, _ checksum: UploadChecksum?) throws -> Bool {
        // Longer than announced: somebody is wrong about what this is.
        if case .bodyTooLarge? = cutter.failure { return false }
        guard let checksum else { return staged.bytes > 0 }
        guard cutter.failure == nil else { return false }
        guard cutter.digest == checksum.digest else {
            throw Problem(
                status: 460, code: .digestMismatch, title: "The body is not what its checksum says",
                detail: "Nothing of it was kept: send it again.")
        }
        return true
    }

    /// The bytes first, then the row that counts them: a piece without a row is nobody's, and goes with the upload.
    private func add(_ staged: StagedObject, to upload: UploadRecord, by writer: UploadWriter) async throws
        -> UploadRecord
    {
        let random = UInt64.random(in: 0...UInt64.max)
        let key = try ObjectKey(cleaner.prefix(of: upload) + "\(upload.received).\(String(random, radix: 36))")
        _ = try await objects.commit(staged, to: key)
        let piece = UploadPiece(start: upload.received, bytes: staged.bytes, key: key.description)
        if let grown = try await store.addPiece(
            piece, to: upload.id, user: upload.user, writer: writer, lifetime: uploadLifetime)
        {
            return grown
        }
        try? await objects.delete(key)
        throw UploadRefusal.locked(seconds: Int(writer.lease))
    }

    /// From the last byte to the asset.
    private func keep(_ staged: StagedObject, as upload: UploadRecord, by writer: UploadWriter) async throws -> Asset {
        guard let type = MediaType.sniff(try MediaType.beginning(ofFileAt: staged.path)) else {
            await objects.discard(staged)
            try? await cleaner.clear(upload, by: writer)
            throw Problem(
                status: 415, code: .unsupportedMediaType, title: "The body is no media that a model takes",
                detail: "PNG, JPEG, WebP, GIF, WAV, MP3, MP4, MOV and WebM are.")
        }
        do { try checkSender() } catch {
            await objects.discard(staged)
            throw error
        }
        let key = try cleaner.assetKey(of: upload)
        let hash = staged.sha256.hex
        _ = try await objects.commit(staged, to: key)
        if let asset = try await store.finishUpload(
            upload.id, user: upload.user, writer: writer, key: key.description, contentType: type, sha256: hash,
            keptFor: assetLifetime)
        {
            return asset
        }
        return try await finishedByAnother(upload, key)
    }

    /// This one was too slow, and another has gone on in its place: the same bytes under the same key.
    private func finishedByAnother(_ upload: UploadRecord, _ key: ObjectKey) async throws -> Asset {
        do {
            return try await store.asset(upload.id, user: upload.user).object
        } catch StoreError.notFound {
            let state: UploadRecord?
            do { state = try await store.upload(upload.id, user: upload.user) } catch StoreError.notFound {
                state = nil
            }
            if let state, !state.isFinished, !state.isExpired || (state.lockedSeconds ?? 0) > 0 {
                throw UploadRefusal.locked(seconds: Int(Self.lease))
            }
            // Ended meanwhile, or its asset was deleted: nobody else would find these bytes again.
            try await objects.delete(key)
            throw StoreError.notFound
        }
    }

    /// Gives signs of life as long as `body` runs.
    private func holding<Value: Sendable>(
        _ upload: UploadRecord, _ writer: UploadWriter, _ body: () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while (try? await Task.sleep(for: .seconds(writer.lease / 3))) != nil {
                    _ = try? await store.keepUpload(upload.id, user: upload.user, writer: writer)
                }
            }
            defer { group.cancelAll() }
            return try await body()
        }
    }
}

/// The bytes of pieces, one after the other.
private struct PieceBytes: AsyncSequence, Sendable {
    let objects: any ObjectStore
    let pieces: [UploadPiece]

    func makeAsyncIterator() -> Iterator { Iterator(objects: objects, pieces: pieces[...]) }

    struct Iterator: AsyncIteratorProtocol {
        let objects: any ObjectStore
        var pieces: ArraySlice<UploadPiece>
        var current: ObjectReader.Iterator?

        mutating func next() async throws -> [UInt8]? {
            while true {
                if let bytes = try await current?.next() { return bytes }
                guard let piece = pieces.popFirst() else { return nil }
                let reader = try await objects.open(try ObjectKey(piece.key), range: nil)
                guard reader.count == piece.bytes else {
                    throw ObjectStoreError.truncated(expected: piece.bytes, got: reader.count)
                }
                current = reader.chunks().makeAsyncIterator()
            }
        }
    }
}
