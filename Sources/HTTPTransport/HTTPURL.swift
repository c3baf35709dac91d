import CCurl

/// A web address as the code that connects reads it: parsed by libcurl, so that a check of the host cannot be fooled by
/// an address that two parsers understand differently.
public struct HTTPURL: Sendable, Hashable {
    public let scheme: String
    /// Lower case, IPv6 in brackets.
    public let host: String
    /// As written; nil means the scheme's own.
    public let port: Int?
    public let path: String

    /// - Throws: `invalidRequest` when this is no absolute URL with a host, or when it carries a user name.
    public init(_ text: String) throws(HTTPClientError) {
        guard let handle = curl_url() else { throw HTTPClientError(.invalidRequest, "no memory for a URL") }
        defer { curl_url_cleanup(handle) }
        let flags = UInt32(CURLU_NON_SUPPORT_SCHEME)
        guard !text.utf8.contains(0), curl_url_set(handle, CURLUPART_URL, text, flags) == CURLUE_OK,
            let scheme = Self.part(CURLUPART_SCHEME, of: handle), let host = Self.part(CURLUPART_HOST, of: handle)
        else { throw HTTPClientError(.invalidRequest, "not an absolute URL") }
        guard Self.part(CURLUPART_USER, of: handle) == nil, Self.part(CURLUPART_PASSWORD, of: handle) == nil else {
            throw HTTPClientError(.invalidRequest, "a URL with a user name or a password")
        }
        self.scheme = scheme.lowercased()
        self.host = host.lowercased()
        port = Self.part(CURLUPART_PORT, of: handle).flatMap { Int($0) }
        path = Self.part(CURLUPART_PATH, of: handle) ?? "/"
    }

    /// Scheme, host and port.
    public var origin: String { "\(scheme)://\(host)" + (port.map { ":\($0)" } ?? "") }

    private static func part(_ part: CURLUPart, of handle: OpaquePointer) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, part, &text, 0) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
