import Crypto
import Foundation
public import VideoModels

/// Who asks an S3-compatible service.
public struct S3Credentials: Hashable, Sendable {
    /// Names the key; no secret, though not for everybody's eyes either.
    public var accessKeyID: String
    public var secretKey: Redacted<String>
    /// Of temporary credentials.
    public var sessionToken: Redacted<String>?

    public init(accessKeyID: String, secretKey: Redacted<String>, sessionToken: Redacted<String>? = nil) {
        (self.accessKeyID, self.secretKey, self.sessionToken) = (accessKeyID, secretKey, sessionToken)
    }
}

/// Amazon's Signature Version 4, for headers and for links.
///
/// Our own, although libcurl has `CURLOPT_AWS_SIGV4`: a link can only be signed here, and one signer is better than two.
/// libcurl's also signs a query in the order in which it is given (its issue 9717; mended after 7.88, which Debian 12
/// has), hashes no body that is read from a file, and takes the time from nowhere but this machine's clock.
struct SigV4: Sendable {
    let credentials: S3Credentials
    let region: String

    static let emptyHash = ContentHash(of: []).hex

    /// A request as far as it is signed. Names of headers are in lower case.
    struct Signable {
        var method: String
        var path: String
        var query: [(name: String, value: String)]
        var headers: [(name: String, value: String)]
        /// Of the body: 64 hexadecimal digits, or `UNSIGNED-PAYLOAD`.
        var payload: String
    }

    /// The headers that make a request ours, to be sent beside those that were signed.
    func headers(for request: Signable, at date: Date) -> [(name: String, value: String)] {
        var added = [("x-amz-content-sha256", request.payload), ("x-amz-date", date.amzDate)]
        if let token = credentials.sessionToken { added.append(("x-amz-security-token", token.reveal())) }
        var request = request
        request.headers += added.map { (name: $0.0, value: $0.1) }
        let signature = signature(of: request, at: date)
        let names = Self.signedNames(request.headers)
        let authorization =
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope(at: date)), SignedHeaders=\(names), "
            + "Signature=\(signature)"
        return added.map { (name: $0.0, value: $0.1) } + [(name: "authorization", value: authorization)]
    }

    /// The query that makes a link good for so many seconds.
    func query(for request: Signable, at date: Date, seconds: Int) -> String {
        var request = request
        request.payload = "UNSIGNED-PAYLOAD"
        request.query += [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", "\(credentials.accessKeyID)/\(scope(at: date))"), ("X-Amz-Date", date.amzDate),
            ("X-Amz-Expires", "\(seconds)"), ("X-Amz-SignedHeaders", Self.signedNames(request.headers)),
        ]
        if let token = credentials.sessionToken { request.query.append(("X-Amz-Security-Token", token.reveal())) }
        return Self.canonical(request.query) + "&X-Amz-Signature=" + signature(of: request, at: date)
    }

    private func signature(of request: Signable, at date: Date) -> String {
        let text = [
            "AWS4-HMAC-SHA256", date.amzDate, scope(at: date), ContentHash(of: Self.canonical(request).utf8).hex,
        ].joined(separator: "\n")
        let parts = [String(date.amzDate.prefix(8)), region, "s3", "aws4_request", text]
        let signature = parts.reduce(Array("AWS4\(credentials.secretKey.reveal())".utf8)) { key, part in
            Array(HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: SymmetricKey(data: key)))
        }
        return signature.map { String(format: "%02x", $0) }.joined()
    }

    private func scope(at date: Date) -> String { "\(date.amzDate.prefix(8))/\(region)/s3/aws4_request" }

    static func canonical(_ request: Signable) -> String {
        let headers = request.headers.sorted { $0.name < $1.name }.map { "\($0.name):\($0.value)\n" }.joined()
        return [
            request.method, request.path, canonical(request.query), headers, signedNames(request.headers),
            request.payload,
        ].joined(separator: "\n")
    }

    private static func signedNames(_ headers: [(name: String, value: String)]) -> String {
        headers.map(\.name).sorted().joined(separator: ";")
    }

    /// Names and values encoded, then sorted by name, then by value: also the form in which a query is sent.
    static func canonical(_ query: [(name: String, value: String)]) -> String {
        query.map { (encode($0.name), encode($0.value)) }.sorted { $0 < $1 }.map { "\($0)=\($1)" }
            .joined(separator: "&")
    }

    /// Everything but letters, digits and `-._~`.
    static func encode(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, byte in
            switch byte {
            case 65...90, 97...122, 48...57, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.append(Character(Unicode.Scalar(byte)))
            default: result += String(format: "%%%02X", byte)
            }
        }
    }
}

extension Date {
    /// `20261121T163226Z`
    var amzDate: String {
        var seconds = time_t(timeIntervalSince1970.rounded(.down))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return String(
            format: "%04d%02d%02dT%02d%02d%02dZ", Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday),
            Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec))
    }

    /// Reads a time in an XML answer: `2026-11-21T16:32:32.947Z`, with or without the fraction.
    init?(xmlDate text: String) {
        let whole = text.prefix { $0 != "." && $0 != "Z" }
        guard let date = try? Date(String(whole) + "Z", strategy: .iso8601) else { return nil }
        self = date
    }
}
