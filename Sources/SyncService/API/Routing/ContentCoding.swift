import HTTPTransport
import NIOCore

/// Sends JSON as gzip to clients that take it. Streams and files are left alone.
enum ContentCoding {
    /// Less is not worth the trouble, and of more the packed copy would weigh too much.
    private static let sizes = 1024...(16 << 20)

    /// A handler whose answers are packed where that is of use.
    static func applied(to handle: @escaping APIHandler) -> APIHandler {
        { request in packed(await handle(request), for: request) }
    }

    static func packed(_ response: APIResponse, for request: APIRequest) -> APIResponse {
        guard case .bytes(let bytes) = response.body, isJSON(response), response.headers["content-encoding"] == nil
        else {
            return response
        }
        var response = response
        // Also on an answer that is not packed: another client's may be.
        response.headers.add("vary", "Accept-Encoding")
        guard sizes.contains(bytes.readableBytes), takesGzip(request.headers),
            let packed = bytes.withUnsafeReadableBytes(Gzip.compress), packed.count < bytes.readableBytes
        else { return response }
        response.headers["content-encoding"] = "gzip"
        response.body = .bytes(ByteBuffer(bytes: packed))
        return response
    }

    private static func isJSON(_ response: APIResponse) -> Bool {
        let type = (response.headers["content-type"] ?? "").split(separator: ";").first.map { trimmed($0).lowercased() }
        return ["application/json", "application/problem+json"].contains(type)
    }

    /// Whether gzip is named, or meant by `*`, and liked no less than the plain answer.
    static func takesGzip(_ headers: APIHeaders) -> Bool {
        let elements = headers.list(of: "accept-encoding").prefix(32).map(WeightedElement.init)
        func quality(_ name: String) -> Double? { elements.first { $0.name == name }.flatMap { $0.quality ?? 0 } }
        guard let gzip = quality("gzip") ?? quality("x-gzip") ?? quality("*"), gzip > 0 else { return false }
        return gzip >= quality("identity") ?? 0
    }
}
