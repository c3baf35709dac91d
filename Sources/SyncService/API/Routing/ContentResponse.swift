internal import NIOCore
internal import ObjectStorage
internal import VideoModels

extension APIResponse {
    /// Serves an opened object to a `GET` or `HEAD`: conditions, one or several ranges, or all of it, by `sendfile`.
    ///
    /// - Parameters:
    ///   - object: opened whole.
    ///   - tag: names exactly these bytes, such as their hash.
    ///   - headers: what else to say with 200, 206 and 304: cache control, disposition.
    static func content(
        _ object: ObjectReader, tag: EntityTag, type: String, headers: APIHeaders = [:], for request: APIRequest
    ) -> APIResponse {
        var headers = headers
        headers["etag"] = tag.description
        headers["accept-ranges"] = "bytes"
        switch Precondition(request.headers, tag: tag, method: request.method) {
        case .notModified: return APIResponse(status: 304, headers: headers)
        case .failed:
            let problem = Problem(status: 412, code: .stateConflict, title: "The content is not the one you named")
            return .problem(problem, for: request)
        case .proceed: break
        }
        let length = object.info.bytes
        // A range of a HEAD means nothing (RFC 9110, 14.2).
        let ranges = request.method == .get ? ByteRanges(request.headers, tag: tag, length: length) : .whole
        switch ranges {
        case .whole:
            headers["content-type"] = type
            return .file(object.file, 0..<length, headers: headers)
        case .partial(let ranges) where ranges.count == 1:
            headers["content-type"] = type
            headers["content-range"] = contentRange(ranges[0], of: length)
            return .file(object.file, ranges[0], status: 206, headers: headers)
        case .partial(let ranges):
            return multipart(object.file, ranges, of: length, type: type, headers: headers)
        case .unsatisfiable:
            let problem = Problem(
                status: 416, code: .rangeNotSatisfiable,
                title: "The content has \(length) bytes, none of them in your range")
            return .problem(problem, headers: ["content-range": "bytes */\(length)"], for: request)
        }
    }

    private static func multipart(
        _ file: OpenFile, _ ranges: [Range<Int64>], of length: Int64, type: String, headers: APIHeaders
    ) -> APIResponse {
        let boundary = APIRequest.id(given: nil)
        var parts: [Part] = []
        for range in ranges {
            let fields = "content-type: \(type)\r\ncontent-range: \(contentRange(range, of: length))\r\n\r\n"
            parts.append(.bytes(ByteBuffer(string: "\(parts.isEmpty ? "" : "\r\n")--\(boundary)\r\n\(fields)")))
            parts.append(.file(file, range))
        }
        parts.append(.bytes(ByteBuffer(string: "\r\n--\(boundary)--\r\n")))
        var headers = headers
        headers["content-type"] = "multipart/byteranges; boundary=\(boundary)"
        return APIResponse(status: 206, headers: headers, body: .parts(parts))
    }

    private static func contentRange(_ range: Range<Int64>, of length: Int64) -> String {
        "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)"
    }
}
