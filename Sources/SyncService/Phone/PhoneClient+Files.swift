import Crypto
import Foundation
import HTTPTransport
public import VideoModels

extension PhoneClient {
    /// Uploads a picture, a sound or a clip. The server checks that it got exactly these bytes.
    public func uploadAsset(file path: String, contentType: String) async throws(PhoneClientError) -> Asset {
        let digest = try FileDigest(ofFile: path)
        var request = request("POST", "/v1/assets")
        request.headers["Content-Type"] = contentType
        request.headers["Repr-Digest"] = "sha-256=:\(Data(digest.hash.finalize()).base64EncodedString()):"
        request.body = .parts([.file(path: path)])
        let response = try await send(request)
        let answer: [UInt8]
        do { answer = try await response.body.collect(upTo: Self.answerLimit) } catch { throw PhoneClientError(error) }
        return try decode(answer)
    }

    /// The SHA-256 of a file's bytes, in hexadecimal.
    public static func sha256(ofFile path: String) throws(PhoneClientError) -> String {
        try FileDigest(ofFile: path).hex
    }

    public func asset(_ id: AssetID) async throws(PhoneClientError) -> Asset {
        try await ask("GET", "/v1/assets/\(id)")
    }

    /// Brings a video to a file, durable on return and with exactly the bytes that its SHA-256 names.
    ///
    /// The bytes gather in `path.part`, and a broken transfer goes on from there, in this call or a later one. A file at
    /// `path` is replaced once all is well. Gives up after `tries` transfers in a row that brought nothing.
    public func download(_ video: Video, to path: String, tries: Int = 5) async throws(PhoneClientError) {
        let part = path + ".part"
        var digest = FileManager.default.fileExists(atPath: part) ? try FileDigest(ofFile: part) : FileDigest()
        var failures = 0
        while digest.count < video.bytes {
            let before = digest.count
            do {
                try await transfer(video, to: part, after: &digest)
            } catch  where error.isPassing && !Task.isCancelled {
                failures = digest.count > before ? 0 : failures + 1
                if failures >= tries { throw error }
            }
        }
        guard digest.count == video.bytes, digest.hex == video.sha256 else {
            try? FileManager.default.removeItem(atPath: part)
            throw .corrupted(
                "\(digest.count) bytes with SHA-256 \(digest.hex) instead of \(video.bytes), \(video.sha256)")
        }
        try PartFile.finish(part, as: path)
    }

    /// One request for what is still missing. What arrived before an error stays in the file and in `digest`.
    private func transfer(
        _ video: Video, to part: String, after digest: inout FileDigest
    ) async throws(PhoneClientError) {
        var request = request("GET", "/v1/videos/\(video.id)/content", headers: ["Accept": "*/*"])
        request.acceptsCompression = false
        if digest.count > 0 {
            request.headers["Range"] = "bytes=\(digest.count)-"
            request.headers["If-Range"] = "\"\(video.sha256)\""
        }
        let response = try await content(request)
        // 200 means from the start: the server did not take the range.
        if response.status != 206 { digest = FileDigest() }
        let file = try PartFile(path: part, at: digest.count)
        defer { file.close() }
        do {
            for try await chunk in response.body {
                guard digest.count + Int64(chunk.count) <= video.bytes else {
                    response.body.close()
                    throw PhoneClientError.corrupted("more than the \(video.bytes) bytes that were promised")
                }
                try file.append(chunk)
                digest.append(chunk)
            }
        } catch let error as PhoneClientError {
            throw error
        } catch {
            throw PhoneClientError(error as? HTTPClientError ?? HTTPClientError(.interrupted, sent: .maybe))
        }
        if digest.count == 0 && video.bytes > 0 { throw .unreachable("an empty answer", nothingSent: false) }
    }
}

extension PhoneClient {
    /// The answer with the bytes. Where the server sends us to its object service the link is all that is needed: no token
    /// goes there. That service knows the bytes by another tag, and they never change.
    private func content(_ request: HTTPRequest) async throws(PhoneClientError) -> HTTPResponse {
        let response: HTTPResponse
        do { response = try await http.send(request) } catch { throw PhoneClientError(error) }
        guard response.status == 307, let link = response.headers["Location"] else {
            return try await accept(response)
        }
        response.body.close()
        var next = HTTPRequest("GET", link, timeouts: request.timeouts)
        next.headers["Range"] = request.headers["Range"]
        (next.acceptsCompression, next.isURLSecret) = (false, true)
        return try await send(next)
    }
}

/// The SHA-256 of bytes as they come by, and how many there were.
struct FileDigest {
    private(set) var hash = SHA256()
    private(set) var count: Int64 = 0

    init() {}

    init(ofFile path: String) throws(PhoneClientError) {
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            while let chunk = try file.read(upToCount: 1 << 20), !chunk.isEmpty { append(Array(chunk)) }
        } catch { throw .file(path: path, "cannot be read") }
    }

    mutating func append(_ bytes: [UInt8]) {
        hash.update(data: bytes)
        count += Int64(bytes.count)
    }

    var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: hash.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// A file that grows until it is whole. Writing blocks the calling task, which is a client's own.
private struct PartFile {
    private let path: String
    private let handle: FileHandle

    init(path: String, at offset: Int64) throws(PhoneClientError) {
        self.path = path
        do {
            let manager = FileManager.default
            if !manager.fileExists(atPath: path) { try Data().write(to: URL(fileURLWithPath: path)) }
            handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try handle.truncate(atOffset: UInt64(offset))
        } catch { throw .file(path: path, "cannot be written") }
    }

    func append(_ bytes: [UInt8]) throws(PhoneClientError) {
        do { try handle.write(contentsOf: bytes) } catch {
            throw .file(path: path, "cannot be written: is the disk full?")
        }
    }

    func close() { try? handle.close() }

    static func finish(_ part: String, as path: String) throws(PhoneClientError) {
        do {
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: part))
            try handle.synchronize()
            try handle.close()
        } catch { throw .file(path: part, "cannot be made durable") }
        guard rename(part, path) == 0 else { throw .file(path: path, String(cString: strerror(errno))) }
    }
}
