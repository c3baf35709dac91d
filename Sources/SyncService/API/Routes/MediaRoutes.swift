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

    /// A finished video, whole or in ranges. Its bytes never change, so a phone may keep them for good.
    @Sendable func content(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let video = try await store.video(try request.id(VideoID.self), user: user)
        let key = try ObjectKey(video.key)
        let look = LinkPresentation(
            contentType: video.object.contentType, cacheControl: "private, max-age=31536000, immutable",
            disposition: "inline; filename=\"\(video.object.id).mp4\"")
        let tag = EntityTag(video.object.sha256)
        let lifetime = Duration.seconds(configuration.storageLinkLifetime)
        if configuration.storageDelivery == .redirect, request.method == .get,
            let link = objects.temporaryLink(to: key, for: lifetime, as: look)
        {
            return .redirect(to: link, tag: tag, for: request)
        }
        let reader = try await objects.open(key, range: nil)
        let headers: APIHeaders = ["cache-control": look.cacheControl, "content-disposition": look.disposition]
        return .content(reader, tag: tag, type: look.contentType, headers: headers, for: request)
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

/// What a file is, by its first bytes. Names and headers are not asked.
enum MediaType {
    static let bytesNeeded = 16

    static func sniff(_ bytes: [UInt8]) -> String? {
        func has(_ text: String, at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: Array(text.utf8)) }
        switch bytes {
        case _ where bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]): return "image/png"
        case _ where bytes.starts(with: [0xFF, 0xD8, 0xFF]): return "image/jpeg"
        case _ where has("RIFF") && has("WEBP", at: 8): return "image/webp"
        case _ where has("GIF87a") || has("GIF89a"): return "image/gif"
        case _ where has("RIFF") && has("WAVE", at: 8): return "audio/wav"
        case _ where has("ID3") || (bytes.count > 1 && bytes[0] == 0xFF && bytes[1] & 0xE6 == 0xE2): return "audio/mpeg"
        case _ where has("ftypqt", at: 4): return "video/quicktime"
        case _ where has("ftyp", at: 4): return "video/mp4"
        case _ where bytes.starts(with: [0x1A, 0x45, 0xDF, 0xA3]): return "video/webm"
        default: return nil
        }
    }

    /// A few bytes of a file that was just written, so they come from memory.
    static func beginning(ofFileAt path: String) throws -> [UInt8] {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        return Array(try file.read(upToCount: bytesNeeded) ?? Data())
    }
}
