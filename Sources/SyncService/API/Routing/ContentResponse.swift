import NIOCore
import ObjectStorage
import VideoModels

extension APIResponse {
    /// Sends the client to an address of the object service, where the ranges that it asked for are understood, too.
    static func redirect(
        to link: Redacted<String>, _ state: Validators, headers: APIHeaders, for request: APIRequest
    ) -> APIResponse {
        var headers = headers
        headers["cache-control"] = "no-store"
        if let decided = unlessDecided(state, headers, for: request) { return decided }
        // The one place where such a link goes out in the clear: to whoever may see the video.
        headers["location"] = link.reveal()
        return APIResponse(status: 307, headers: headers)
    }

    /// The answer that the request's conditions call for; nil to go on.
    private static func unlessDecided(
        _ state: Validators, _ headers: APIHeaders, for request: APIRequest
    ) -> APIResponse? {
        switch Precondition(request.headers, state, method: request.method) {
        case .notModified:
            var headers = headers
            for field in state.headers.fields { headers[field.name] = field.value }
            return APIResponse(status: 304, headers: headers)
        case .failed:
            let problem = Problem(status: 412, code: .stateConflict, title: "The content is not the one you named")
            return .problem(problem, for: request)
        case .proceed: return nil
        }
    }

    /// Serves an opened object to a `GET` or `HEAD`: conditions, one or several ranges, or all of it. Files go by
    /// `sendfile`, other objects as they arrive, one piece at a time: the next is fetched when the client has taken the
    /// one before.
    ///
    /// - Parameters:
    ///   - object: opened whole.
    ///   - state: its tag names exactly these bytes, such as their hash.
    ///   - headers: what else to say with 200, 206 and 304: cache control, disposition.
    static func content(
        _ object: ObjectReader, _ state: Validators, type: String, headers: APIHeaders = [:], for request: APIRequest
    ) -> APIResponse {
        if let decided = unlessDecided(state, headers, for: request) { return decided }
        var headers = headers
        for field in state.headers.fields { headers[field.name] = field.value }
        headers["accept-ranges"] = "bytes"
        // What it is was found out from its bytes, and nobody is to guess better.
        headers["x-content-type-options"] = "nosniff"
        let length = object.info.bytes
        // A range of a HEAD means nothing (RFC 9110, 14.2).
        let ranges = request.method == .get ? ByteRanges(request.headers, state, length: length) : .whole
        switch ranges {
        case .whole:
            headers["content-type"] = type
            return objects([.object(object.part(0..<length))], headers: headers)
        case .partial(let ranges) where ranges.count == 1:
            headers["content-type"] = type
            headers["content-range"] = contentRange(ranges[0], of: length)
            return objects([.object(object.part(ranges[0]))], status: 206, headers: headers)
        case .partial(let ranges):
            return multipart(object, ranges, of: length, type: type, headers: headers)
        case .unsatisfiable:
            let problem = Problem(
                status: 416, code: .rangeNotSatisfiable,
                title: "The content has \(length) bytes, none of them in your range")
            return .problem(problem, headers: ["content-range": "bytes */\(length)"], for: request)
        }
    }

    private static func multipart(
        _ object: ObjectReader, _ ranges: [Range<Int64>], of length: Int64, type: String, headers: APIHeaders
    ) -> APIResponse {
        let boundary = APIRequest.id(given: nil)
        var parts: [ContentPart] = []
        for range in ranges {
            let fields = "content-type: \(type)\r\ncontent-range: \(contentRange(range, of: length))\r\n\r\n"
            parts.append(.bytes(ByteBuffer(string: "\(parts.isEmpty ? "" : "\r\n")--\(boundary)\r\n\(fields)")))
            parts.append(.object(object.part(range)))
        }
        parts.append(.bytes(ByteBuffer(string: "\r\n--\(boundary)--\r\n")))
        var headers = headers
        headers["content-type"] = "multipart/byteranges; boundary=\(boundary)"
        return objects(parts, status: 206, headers: headers)
    }

    /// Bytes in between, and parts of an opened object.
    private enum ContentPart: Sendable {
        case bytes(ByteBuffer)
        case object(ObjectReader)

        var count: Int64 {
            switch self {
            case .bytes(let bytes): Int64(bytes.readableBytes)
            case .object(let reader): reader.count
            }
        }

        /// As the server sends it by itself; nil where there is no file.
        var part: Part? {
            switch self {
            case .bytes(let bytes): .bytes(bytes)
            case .object(let reader): reader.file.map { .file($0, reader.range) }
            }
        }

        func write(to writer: ResponseWriter) async throws {
            switch self {
            case .bytes(let bytes): try await writer(bytes)
            case .object(let reader):
                for try await chunk in reader.chunks() { try await writer(ByteBuffer(bytes: chunk)) }
            }
        }
    }

    private static func objects(_ parts: [ContentPart], status: Int = 200, headers: APIHeaders) -> APIResponse {
        let files = parts.compactMap(\.part)
        if files.count == parts.count { return APIResponse(status: status, headers: headers, body: .parts(files)) }
        return APIResponse(
            status: status, headers: headers,
            body: .measuredStream(parts.reduce(0) { $0 + $1.count }) { writer in
                for part in parts { try await part.write(to: writer) }
            })
    }

    private static func contentRange(_ range: Range<Int64>, of length: Int64) -> String {
        "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)"
    }
}
