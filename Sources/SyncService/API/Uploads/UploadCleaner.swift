import Foundation
import JobStore
import ObjectStorage
import VideoModels

/// Clears away what nobody goes on with: uploads that were ended or have expired, and assets whose time is over. Bytes go
/// before rows, since without the row nobody would find them again.
struct UploadCleaner: Sendable {
    var store: PostgresStore
    var objects: any ObjectStore

    /// Longer than it takes to remove a batch.
    private static let lease: TimeInterval = 600

    /// With what the keys of all pieces of an upload begin. No folder: those of a local store would stay behind, empty.
    func prefix(of upload: UploadRecord) -> String { "\(upload.user)/uploads/\(upload.id)." }

    func assetKey(of upload: UploadRecord) throws -> ObjectKey {
        try ObjectKey(user: upload.user.description, "assets", upload.id.description)
    }

    /// Removes an upload that `writer` has, or one that is finished: then nothing stays but its asset.
    func clear(_ upload: UploadRecord, by writer: UploadWriter) async throws {
        if !upload.isFinished {
            // Asked anew: an end whose answer was lost has made an asset of it, and the asset's bytes are not ours to remove.
            guard try await store.endUpload(upload.id, user: upload.user, writer: writer) else { return }
            try await objects.delete(try assetKey(of: upload))
        }
        try await removePieces(of: upload)
        try await store.removeUpload(upload.id, user: upload.user, writer: writer)
    }

    /// Also those that a process stored and never counted.
    func removePieces(of upload: UploadRecord) async throws {
        let page = 1000
        while true {
            let found = try await objects.list(prefix: prefix(of: upload), after: nil, limit: page)
            for object in found { try await objects.delete(object.key) }
            if found.count < page { return }
        }
    }

    /// Returns how many uploads went, of at most `limit`. One that cannot be cleared holds up no other and is tried again.
    func clearUploads(limit: Int, failed: (any Error) -> Void) async throws -> Int {
        let writer = UploadWriter(lease: Self.lease)
        var cleared = 0
        for upload in try await store.takeExpiredUploads(writer: writer, limit: limit) {
            do {
                try await clear(upload, by: writer)
                cleared += 1
            } catch { failed(error) }
        }
        return cleared
    }

    /// Likewise assets that have expired, or were deleted by somebody who did not come to the end of it.
    func clearAssets(limit: Int, failed: (any Error) -> Void) async throws -> Int {
        _ = try await store.expireAssets(limit: limit)
        var gone: [DeletedAsset] = []
        for asset in try await store.deletedAssets(limit: limit) {
            do {
                try await objects.delete(try ObjectKey(asset.key))
                gone.append(asset)
            } catch { failed(error) }
        }
        return gone.isEmpty ? 0 : try await store.removeAssets(gone)
    }
}
