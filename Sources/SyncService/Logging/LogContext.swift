import Logging

/// What a line of the log belongs to: the request or the job that the code which writes it works on, however deep below.
enum LogContext {
    @TaskLocal static var metadata: Logger.Metadata = [:]
}

/// The id of a trace that a request belongs to, from its `traceparent` header (https://www.w3.org/TR/trace-context/).
struct TraceContext: Hashable, Sendable {
    /// 32 hexadecimal digits.
    var traceID: String

    /// Nil for a header that is none of that form, which the recommendation says to ignore. A version that does not exist yet
    /// may have more fields behind the four that every version has.
    init?(_ header: String?) {
        guard let header, header.utf8.count <= 512 else { return nil }
        let parts = header.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 4, parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            zip(parts, [2, 32, 16, 2]).allSatisfy({ Self.isHex($0, $1) }),
            parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
        else { return nil }
        traceID = parts[1]
    }

    private static func isHex(_ text: String, _ count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}

extension APIRequest {
    /// What every line of the log says that is written on behalf of this request.
    var logContext: Logger.Metadata {
        var metadata: Logger.Metadata = ["request_id": "\(id)"]
        let headers = headers.values(of: "traceparent")
        // More than one is none.
        if headers.count == 1, let trace = TraceContext(headers[0]) { metadata["trace_id"] = "\(trace.traceID)" }
        return metadata
    }
}

extension LogContext {
    /// The handler, with its lines in the log told apart by request and trace.
    static func around(_ handle: @escaping APIHandler) -> APIHandler {
        { request in
            await $metadata.withValue(request.logContext) { await handle(request) }
        }
    }
}
