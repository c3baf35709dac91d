import Foundation
import JobStore
import NIOCore
import ObjectStorage
import VideoModels

extension PhoneAPI {
    /// Takes a picture, sound or clip. The type is found out from the bytes; whole and durable before the answer.
    @Sendable func upload(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let digest = try Self.digest(request.headers["repr-digest"])
        let body = request.body.limited(to: configuration.assetBytesLimit)
        if let length = body.length, length == 0 { throw Problem.malformed("the body is empty") }
        if await storage.trouble() != nil {
            throw Problem(status: 507, code: .storageFull, title: "The storage takes nothing new now")
        }
        let staged = try await objects.stage(
            expecting: body.length, atMost: configuration.assetBytesLimit,
            body: body.map { Array($0.readableBytesView) })
        do {
            guard digest == nil || digest == staged.sha256 else {
                throw Problem(
                    status: 400, code: .digestMismatch, title: "The body is not what its digest says",
                    detail: "SHA-256 of the body that arrived: \(staged.sha256.hex)")
            }
            guard let contentType = MediaType.sniff(try MediaType.beginning(ofFileAt: staged.path)) else {
                throw Problem(
                    status: 415, code: .unsupportedMediaType, title: "The body is no media that a model takes",
                    detail: "PNG, JPEG, WebP, GIF, WAV, MP3, MP4, MOV and WebM are.")
            }
            let id = AssetID(at: .nowInMicroseconds)
            let key = try ObjectKey(user: user.description, "assets", id.description)
            _ = try await objects.commit(staged, to: key)
            let asset = try await store.addAsset(
                id, user: user, key: key.description, contentType: contentType, bytes: staged.bytes,
                sha256: staged.sha256.hex)
            return .json(try Wire.encode(asset), status: 201, headers: ["Location": "/v1/assets/\(id)"])
        } catch {
            await objects.discard(staged)
            throw error
        }
    }

    @Sendable func asset(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        .json(try Wire.encode(try await store.asset(try request.id(AssetID.self), user: user).object))
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
