import Foundation
import HTTPTransport

extension S3ObjectStore {
    public func commit(_ staged: StagedObject, to key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        let result = await Outcome.of { () async throws(ObjectStoreError) in try await upload(staged, to: key) }
        await discard(staged)
        return try result.get()
    }

    private func upload(_ staged: StagedObject, to key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        try await seam { () async throws(S3Failure) in
            if staged.bytes > configuration.partBytes {
                try await uploadParts(.file(staged.path, staged.bytes), hash: staged.sha256, to: key)
            } else {
                try await uploadWhole(staged, to: key)
            }
        }
        return try await confirm(key, bytes: staged.bytes, hash: staged.sha256)
    }

    private func uploadWhole(_ staged: StagedObject, to key: ObjectKey) async throws(S3Failure) {
        var call = S3Call("PUT", name(of: key))
        call.headers = [
            (Self.hashField, staged.sha256.hex), ("x-amz-checksum-sha256", staged.sha256.base64),
            ("content-type", "application/octet-stream"),
        ]
        call.body = .parts([.file(path: staged.path)])
        call.payload = staged.sha256.hex
        _ = try await client.ask(call)
    }

    /// The object as the service has it now, if it is the one that was meant.
    private func confirm(
        _ key: ObjectKey, bytes: Int64, hash: ContentHash?
    ) async throws(ObjectStoreError) -> ObjectInfo {
        let info: ObjectInfo
        switch await Outcome.of({ () async throws(ObjectStoreError) in try await head(key) }) {
        case .success(let found): info = found
        case .failure(.notFound): throw .unexpected("the object is not there right after it was stored")
        case .failure(let error): throw error
        }
        guard info.bytes == bytes else { throw .truncated(expected: bytes, got: info.bytes) }
        if let hash, info.sha256 != hash { throw .corrupted(expected: hash.hex, got: info.sha256?.hex) }
        return info
    }

    public func copy(_ key: ObjectKey, to target: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        let (info, tag) = try await seam { () async throws(S3Failure) in try await look(at: key) }
        try await seam { () async throws(S3Failure) in
            if info.bytes > configuration.copyLimit {
                return try await uploadParts(.object(name(of: key), tag, info.bytes), hash: info.sha256, to: target)
            }
            var call = S3Call("PUT", name(of: target))
            call.headers = copyHeaders(name(of: key), tag)
            call.patience = Self.longPatience
            _ = try await client.ask(call)
        }
        return try await confirm(target, bytes: info.bytes, hash: info.sha256)
    }

    private func copyHeaders(_ name: String, _ tag: String) -> [(name: String, value: String)] {
        [("x-amz-copy-source", "/\(location.bucket)/\(name)"), ("x-amz-copy-source-if-match", tag)]
    }

    private static let longPatience = Duration.seconds(300)

    // MARK: - in parts

    /// Where the bytes of parts come from.
    fileprivate enum PartSource {
        case file(_ path: String, _ bytes: Int64)
        /// Another object of the service: it moves the bytes by itself.
        case object(_ name: String, _ tag: String, _ bytes: Int64)
    }

    private struct Part: Sendable {
        var number: Int
        var tag: String
        var hash: ContentHash?
    }

    /// All parts or none: a failure or a cancellation takes back what was sent, and what a dead process left is found by
    /// housekeeping.
    private func uploadParts(_ source: PartSource, hash: ContentHash?, to key: ObjectKey) async throws(S3Failure) {
        let name = name(of: key)
        let upload = try await begin(name, source, hash)
        let result = await Outcome.of { () async throws(S3Failure) in
            try await finish(name, upload, try await send(source, name, upload))
        }
        guard case .failure(let failure) = result else { return }
        // The answer to an earlier try may have been lost, and then nothing is left to be joined.
        if case .refused(let refusal) = failure, refusal.code == "NoSuchUpload" { return }
        await abort(name, upload)
        throw failure
    }

    private func begin(_ name: String, _ source: PartSource, _ hash: ContentHash?) async throws(S3Failure) -> String {
        var call = S3Call("POST", name)
        call.query = [("uploads", "")]
        call.headers = [("content-type", "application/octet-stream")]
        if let hash { call.headers.append((Self.hashField, hash.hex)) }
        if case .file = source { call.headers.append(("x-amz-checksum-algorithm", "SHA256")) }
        guard let upload = try await client.ask(call).xml?["UploadId"], !upload.isEmpty else {
            throw .unreadable("an upload without a name")
        }
        return upload
    }

    /// A few parts at a time; the first failure ends the others.
    private func send(_ source: PartSource, _ name: String, _ upload: String) async throws(S3Failure) -> [Part] {
        let plan = PartPlan(bytes: source.bytes, partBytes: configuration.partBytes).ranges
        let result = await withTaskGroup(of: Result<Part, S3Failure>.self) { group in
            var (sent, next): ([Part], Int) = ([], 0)
            while sent.count < plan.count {
                while next < plan.count, next < sent.count + configuration.partsAtOnce {
                    let (number, range) = (next + 1, plan[next])
                    group.addTask {
                        await Outcome.of { () async throws(S3Failure) in
                            try await self.send(number, range, of: source, name, upload)
                        }
                    }
                    next += 1
                }
                switch await group.next() {
                case .success(let part): sent.append(part)
                case .failure(let failure):
                    group.cancelAll()
                    return Result<[Part], S3Failure>.failure(failure)
                case nil: return .failure(.cancelled)
                }
            }
            return .success(sent.sorted { $0.number < $1.number })
        }
        return try result.get()
    }

    private func send(
        _ number: Int, _ range: Range<Int64>, of source: PartSource, _ name: String, _ upload: String
    ) async throws(S3Failure) -> Part {
        var call = S3Call("PUT", name)
        call.query = [("partNumber", "\(number)"), ("uploadId", upload)]
        switch source {
        case .file(let path, _):
            let hash = try await Self.hash(ofFileAt: path, range)
            call.headers = [("x-amz-checksum-sha256", hash.base64)]
            call.payload = hash.hex
            call.body = .parts([.slice(path: path, range)])
            guard let tag = try await client.ask(call).headers["ETag"] else {
                throw .unreadable("a part without a tag")
            }
            return Part(number: number, tag: tag, hash: hash)
        case .object(let other, let tag, _):
            call.headers = copyHeaders(other, tag)
            call.headers.append(("x-amz-copy-source-range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)"))
            call.patience = Self.longPatience
            guard let tag = try await client.ask(call).xml?["ETag"] else { throw .unreadable("a part without a tag") }
            return Part(number: number, tag: tag, hash: nil)
        }
    }

    private static func hash(ofFileAt path: String, _ range: Range<Int64>) async throws(S3Failure) -> ContentHash {
        let result = await Outcome.of { () async throws(ObjectStoreError) in
            try await BlockingIO.run { () throws(ObjectStoreError) in
                try File.hash(of: File.open(path, LocalObjectStore.readFlags), range)
            }
        }
        switch result {
        case .success(let hash): return hash
        case .failure(let error):
            throw .transport(HTTPClientError(.bodySource, "the staged file cannot be read: \(error)"))
        }
    }

    private func finish(_ name: String, _ upload: String, _ parts: [Part]) async throws(S3Failure) {
        let list = parts.map { part in
            let hash = part.hash.map { "<ChecksumSHA256>\($0.base64)</ChecksumSHA256>" } ?? ""
            return "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(part.tag.xmlEscaped)</ETag>\(hash)</Part>"
        }
        let xml = "<CompleteMultipartUpload>\(list.joined())</CompleteMultipartUpload>"
        var call = S3Call.bytes("POST", name, Array(xml.utf8))
        call.query = [("uploadId", upload)]
        call.headers = [("content-type", "application/xml")]
        call.patience = Self.longPatience
        _ = try await client.ask(call)
    }

    /// In a task of its own, since the one that failed may be cancelled, and parts that stay behind cost money.
    func abort(_ name: String, _ upload: String) async {
        var call = S3Call("DELETE", name)
        call.query = [("uploadId", upload)]
        let (client, request) = (client, call)
        await Task { _ = try? await client.ask(request) }.value
    }
}

extension S3ObjectStore.PartSource {
    fileprivate var bytes: Int64 {
        switch self {
        case .file(_, let bytes), .object(_, _, let bytes): bytes
        }
    }
}

/// How a large object is cut.
struct PartPlan: Hashable, Sendable {
    let ranges: [Range<Int64>]

    /// Parts of this size, or of a larger one where there would be more than the 10,000 that services allow.
    init(bytes: Int64, partBytes: Int64) {
        let least = (bytes + 9_999) / 10_000
        // Whole mebibytes.
        let size = max(partBytes, ((least + (1 << 20) - 1) >> 20) << 20)
        ranges = stride(from: 0, to: bytes, by: Int64.Stride(size)).map { $0..<min(bytes, $0 + size) }
    }
}

extension ContentHash {
    /// As S3 writes checksums.
    var base64: String { Data(bytes).base64EncodedString() }
}
