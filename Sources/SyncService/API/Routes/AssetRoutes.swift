import Foundation
import JobStore
import Logging
import NIOCore
import ObjectStorage
import VideoModels

extension PhoneAPI {
    /// Takes a picture, sound or clip whole. The type is found out from the bytes; durable before the answer.
    @Sendable func upload(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let digest = try Self.digest(request.headers["repr-digest"])
        let body = request.body.limited(to: configuration.assetBytesLimit)
        if let length = body.length, length == 0 { throw Problem.malformed("the body is empty") }
        try await refuseWithoutRoom()
        let staged = try await objects.stage(
            expecting: body.length, atMost: configuration.assetBytesLimit,
            body: body.map { Array($0.readableBytesView) })
        guard staged.bytes > 0, digest == nil || digest == staged.sha256 else {
            await objects.discard(staged)
            guard staged.bytes > 0 else { throw Problem.malformed("the body is empty") }
            throw Problem(
                status: 400, code: .digestMismatch, title: "The body is not what its digest says",
                detail: "SHA-256 of the body that arrived: \(staged.sha256.hex)")
        }
        let asset = try await desk(for: body).takeIn(staged, of: user)
        return .json(try Wire.encode(asset), status: 201, headers: ["location": "/v1/assets/\(asset.id)"])
    }

    @Sendable func asset(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        .json(try Wire.encode(try await store.asset(try request.id(AssetID.self), user: user).object))
    }

    @Sendable func listAssets(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        try request.allow(query: ["limit", "before"])
        let limit = try request.number("limit", in: 1...Self.assetPageLimit, or: Self.assetPageLimit)
        let last = try request.query("before").map { text throws(Problem) in
            guard let id = AssetID(text) else { throw Problem.malformed("before must be the id of an asset") }
            return id
        }
        return .json(try Wire.encode(try await store.assets(of: user, before: last, limit: limit)))
    }

    static let assetPageLimit = 200

    /// Gone for everybody before the answer. Bytes that cannot be removed now are removed by housekeeping.
    @Sendable func deleteAsset(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let gone = try await store.deleteAsset(try request.id(AssetID.self), user: user)
        do {
            try await objects.delete(try ObjectKey(gone.key))
            try await store.removeAssets([gone])
        } catch {
            log.warning("a deleted upload is left to housekeeping", metadata: ["error": "\(error)"])
        }
        return APIResponse(status: 204)
    }

    /// The SHA-256 in a `Repr-Digest` field (RFC 9530): `sha-256=:base64:`. Other algorithms are passed over.
    static func digest(_ field: String?) throws(Problem) -> ContentHash? {
        let entries = (field ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        guard let entry = entries.first(where: { $0.hasPrefix("sha-256=") }) else { return nil }
        let value = entry.dropFirst("sha-256=".count)
        guard value.count >= 2, value.first == ":", value.last == ":",
            let bytes = Data(base64Encoded: String(value.dropFirst().dropLast())), let hash = ContentHash(bytes: bytes)
        else { throw Problem.malformed("Repr-Digest must be sha-256=:base64:") }
        return hash
    }
}
