import Foundation
import JobStore
import ObjectStorage
import VideoModels

// Uploads that go on after a break, as tus 1.0 says it. A plain `POST /v1/assets` does for what is small.

extension PhoneAPI {
    var desk: UploadDesk {
        UploadDesk(
            store: store, objects: objects,
            quota: AssetQuota(bytes: configuration.assetQuota, count: configuration.assetCount),
            uploadLifetime: configuration.uploadRetention, assetLifetime: configuration.assetRetention)
    }

    /// The same for what a request brings.
    func desk(for body: RequestBody) -> UploadDesk {
        var desk = desk
        desk.checkSender = { try body.checkSender() }
        return desk
    }

    /// Checks the version that is spoken, and says ours with every answer.
    func tus(_ handler: @escaping UserHandler) -> UserHandler {
        { request, user in
            var response: APIResponse
            do {
                if request.method != .options { try Tus.check(request) }
                response = try await handler(request, user)
            } catch let refusal as RequestRefusal {
                throw refusal
            } catch {
                response = .problem(Problem(error, request: request, log: log), for: request)
                if case UploadRefusal.locked(let seconds) = error { response.headers["retry-after"] = "\(seconds)" }
                if response.status == 412 { response.headers["tus-version"] = Tus.version }
            }
            response.headers["tus-resumable"] = Tus.version
            return response
        }
    }

    /// What is spoken here.
    @Sendable func uploadOptions(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let headers: APIHeaders = [
            "tus-version": Tus.version, "tus-extension": Tus.extensions, "tus-checksum-algorithm": Tus.checksums,
            "tus-max-size": "\(configuration.assetBytesLimit)",
        ]
        return APIResponse(status: 204, headers: headers)
    }

    /// Begins an upload; the first part of it may come along.
    @Sendable func createUpload(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        if request.headers["upload-defer-length"] != nil {
            throw Problem.malformed("the length must be known at the beginning, as Upload-Length")
        }
        let bytes = try Tus.number("Upload-Length", in: request)
        guard bytes > 0 else { throw Problem.malformed("the upload is empty") }
        guard bytes <= configuration.assetBytesLimit else {
            throw ObjectStoreError.tooLarge(limit: configuration.assetBytesLimit)
        }
        let metadata = try Tus.metadata(request)
        let part = try part(of: request)
        if part == nil, request.body.length != 0 { throw Tus.wrongType }
        try await refuseWithoutRoom()
        let writer = UploadWriter(lease: UploadDesk.lease)
        var upload = try await desk.begin(user, bytes: bytes, metadata: metadata, writer: part == nil ? nil : writer)
        if let part { upload = try await write(part, to: upload, by: writer, isNew: true) }
        var headers = Tus.headers(of: upload)
        headers["location"] = "/v1/uploads/\(upload.id)"
        return APIResponse(status: 201, headers: headers)
    }

    /// How much has arrived, durably. Also ends an upload that has all its bytes and whose server died before the end.
    @Sendable func uploadState(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        var upload = try await store.upload(try request.id(AssetID.self), user: user)
        if upload.isExpired { throw UploadRefusal.expired }
        if upload.received == upload.bytes, !upload.isFinished { upload = try await finish(upload) }
        var headers = Tus.headers(of: upload)
        headers["upload-length"] = "\(upload.bytes)"
        if let metadata = upload.metadata { headers["upload-metadata"] = metadata }
        return APIResponse(status: 200, headers: headers)
    }

    /// Where another is just doing it, there is nothing to do.
    private func finish(_ upload: UploadRecord) async throws -> UploadRecord {
        let writer = UploadWriter(lease: UploadDesk.lease)
        do {
            return try await write(
                nil, to: try await store.takeUpload(upload.id, user: upload.user, writer: writer), by: writer)
        } catch UploadRefusal.locked { return upload }
    }

    /// Appends the body.
    @Sendable func appendToUpload(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        guard let part = try part(of: request) else { throw Tus.wrongType }
        let offset = try Tus.number("Upload-Offset", in: request)
        try await refuseWithoutRoom()
        let writer = UploadWriter(lease: UploadDesk.lease)
        var upload = try await store.takeUpload(try request.id(AssetID.self), user: user, writer: writer)
        let isHere = upload.received == offset
        let fits = request.body.length.map { $0 <= upload.bytes - offset } ?? true
        guard isHere, fits else {
            try? await store.releaseUpload(upload.id, user: user, writer: writer)
            if isHere { throw ObjectStoreError.tooLarge(limit: upload.bytes - offset) }
            let problem = Problem(
                status: 409, code: .uploadOffsetConflict, title: "The upload goes on at another place",
                detail: "\(upload.received) bytes have arrived.")
            return .problem(problem, headers: ["upload-offset": "\(upload.received)"], for: request)
        }
        upload = try await write(part, to: upload, by: writer)
        return APIResponse(status: 204, headers: Tus.headers(of: upload))
    }

    /// Drops an upload, or forgets that there was one: the asset that it has become stays.
    @Sendable func endUpload(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        let writer = UploadWriter(lease: UploadDesk.lease)
        let upload = try await store.takeUpload(try request.id(AssetID.self), user: user, writer: writer)
        try await desk.cleaner.clear(upload, by: writer)
        return APIResponse(status: 204)
    }

    /// For clients that can send nothing but `POST`.
    @Sendable func overrideUpload(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        switch request.headers["x-http-method-override"] {
        case "PATCH": return try await appendToUpload(request, user)
        case "DELETE": return try await endUpload(request, user)
        case "HEAD": return try await uploadState(request, user)
        default:
            throw Problem(
                status: 405, code: .methodNotAllowed, title: "This path takes only DELETE, HEAD, PATCH",
                detail: "A POST says which of them it is with X-HTTP-Method-Override.")
        }
    }

    private struct Part: Sendable {
        var body: RequestBody
        var checksum: UploadChecksum?
    }

    /// Nil where the request brings no part of an upload.
    private func part(of request: APIRequest) throws(Problem) -> Part? {
        guard Tus.hasPart(request) else { return nil }
        let sums = request.headers.values(of: "upload-checksum")
        guard sums.count <= 1 else { throw Problem.malformed("Upload-Checksum may be there once") }
        guard let sum = sums.first else { return Part(body: request.body) }
        return Part(body: request.body, checksum: try UploadChecksum(sum))
    }

    func refuseWithoutRoom() async throws {
        if await storage.trouble() != nil {
            throw Problem(status: 507, code: .storageFull, title: "The storage takes nothing new now")
        }
    }

    /// Appends what came, ends the upload where it is whole, and lets go of it.
    ///
    /// In a task without a parent: a client that goes away cancels the handler's, and what has arrived of its bytes is to be
    /// kept. It ends by itself when the body does, which breaks off where the device loses its access.
    private func write(
        _ part: Part?, to upload: UploadRecord, by writer: UploadWriter, isNew: Bool = false
    ) async throws -> UploadRecord {
        let desk = part.map { self.desk(for: $0.body) } ?? self.desk
        return try await Task {
            do {
                let written =
                    if let part {
                        try await desk.append(part.body, checksum: part.checksum, to: upload, by: writer)
                    } else {
                        try await desk.finishIfWhole(upload, by: writer)
                    }
                // What was written counts, whether or not this is heard: the writer's time ends by itself.
                try? await store.releaseUpload(upload.id, user: upload.user, writer: writer)
                return written
            } catch {
                // Of one that just began the client was not told the name, and could not go on.
                if isNew { try? await desk.cleaner.clear(upload, by: writer) }
                try? await store.releaseUpload(upload.id, user: upload.user, writer: writer)
                throw error
            }
        }.value
    }
}
