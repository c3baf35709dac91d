import CCurl

/// A request that was found fit to be sent, measured and ready for the curl thread, which alone uses it from then on.
final class CurlJob: @unchecked Sendable {
    let request: HTTPRequest
    /// Nil when the request has no body and its method needs none.
    let body: BodyReader?
    let submitted = ContinuousClock.now

    init(_ request: HTTPRequest) throws(HTTPClientError) {
        self.request = request
        let url = try HTTPURL(request.url)
        guard request.allowedSchemes.contains(url.scheme), ["http", "https"].contains(url.scheme) else {
            throw HTTPClientError(.invalidRequest, "the scheme \(url.scheme) is not allowed here")
        }
        guard !request.method.isEmpty, request.method.utf8.allSatisfy({ $0 >= 65 && $0 <= 90 }) else {
            throw HTTPClientError(.invalidRequest, "not a method")
        }
        if let wrong = request.headers.fields.first(where: { !$0.isValid }) {
            throw HTTPClientError(.invalidRequest, "the header \(wrong.name.debugDescription) cannot be sent")
        }
        switch request.body {
        // Servers expect a length from these methods even when there is nothing to send.
        case .none: body = ["POST", "PUT", "PATCH"].contains(request.method) ? try BodyReader([]) : nil
        case .bytes(let bytes): body = try BodyReader([.bytes(bytes)])
        case .parts(let parts): body = try BodyReader(parts)
        }
    }

    /// The header lines as libcurl takes them, to be freed by the caller.
    func headerList(userAgent: String) -> UnsafeMutablePointer<curl_slist>? {
        // An empty `Expect:` keeps libcurl from waiting a second for a `100 Continue` that few servers send.
        var lines = ["Expect:"]
        if request.headers["User-Agent"] == nil { lines.append("User-Agent: \(userAgent)") }
        if request.headers["Accept"] == nil { lines.append("Accept: */*") }
        // A field without a value is written with a semicolon; a colon would remove it.
        lines += request.headers.fields.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        return lines.reduce(nil) { list, line in curl_slist_append(list, line) }
    }
}
