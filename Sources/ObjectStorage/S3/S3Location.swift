import Foundation
import HTTPTransport

/// A bucket of an S3-compatible service, the prefix of our keys in it, and how requests get there.
public struct S3Location: Hashable, Sendable {
    /// How the bucket is named in a request's address.
    public enum Addressing: String, Sendable, CaseIterable {
        /// By host at Amazon, by path anywhere else, where hosts for buckets are seldom set up.
        case automatic
        /// `https://endpoint/bucket/key`
        case path
        /// `https://bucket.endpoint/key`
        case host
    }

    public let bucket: String
    /// Empty, or ends with a slash.
    public let prefix: String
    public let region: String
    /// Scheme, host and port that every request goes to, and the path before the key.
    let origin: String
    let host: String
    let basePath: String

    /// - Parameters:
    ///   - text: `s3://bucket` or `s3://bucket/prefix`.
    ///   - endpoint: scheme, host and port of the service; nil for Amazon's in the region.
    /// - Throws: `InvalidS3Location`, in words that complete "expected".
    public init(
        _ text: String, endpoint: String? = nil, region: String? = nil, addressing: Addressing = .automatic
    ) throws(InvalidS3Location) {
        let parts = text.dropFirst("s3://".count).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard text.hasPrefix("s3://"), let bucket = parts.first.map(String.init), Self.isBucket(bucket) else {
            throw .storage
        }
        let names = (parts.count > 1 ? parts[1] : "").split(separator: "/")
        guard names.count <= 8, names.allSatisfy({ ObjectKey.isValid(segment: $0) }) else { throw .storage }
        let region = region ?? "us-east-1"
        guard !region.isEmpty, region.utf8.allSatisfy(Self.isHostByte) else { throw .region }
        (self.bucket, self.region) = (bucket, region)
        prefix = names.map { $0 + "/" }.joined()
        let service = try Self.service(endpoint ?? "https://s3.\(region).amazonaws.com")
        let byHost = addressing == .host || addressing == .automatic && endpoint == nil && !bucket.contains(".")
        host = (byHost ? bucket + "." : "") + service.host
        origin = "\(service.scheme)://\(host)"
        basePath = byHost ? "/" : "/\(bucket)/"
    }

    private static func service(_ endpoint: String) throws(InvalidS3Location) -> (scheme: String, host: String) {
        guard let url = try? HTTPURL(endpoint), ["http", "https"].contains(url.scheme), url.path == "/",
            !endpoint.contains("?"), !endpoint.contains("#")
        else { throw .endpoint }
        // As it stands in the `Host` field, which is signed: the scheme's own port is not in it.
        let isUsual = url.port == (url.scheme == "https" ? 443 : 80)
        return (url.scheme, url.host + (isUsual ? "" : url.port.map { ":\($0)" } ?? ""))
    }

    /// The rules of Amazon, which every service keeps.
    private static func isBucket(_ name: String) -> Bool {
        (3...63).contains(name.utf8.count) && name.utf8.allSatisfy(isHostByte) && !name.hasPrefix("-")
            && !name.hasPrefix(".") && !name.hasSuffix("-") && !name.hasSuffix(".") && !name.contains("..")
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (48...57).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    /// The path of an object, or of the bucket for an empty name. Keys need no quoting in a path.
    func path(_ name: String) -> String {
        name.isEmpty && basePath != "/" ? String(basePath.dropLast()) : basePath + name
    }
}

/// Which part of an S3 location is wrong. The words complete "expected".
public enum InvalidS3Location: Error, Hashable, Sendable {
    case storage, endpoint, region

    public var expected: String {
        switch self {
        case .storage:
            "s3://BUCKET or s3://BUCKET/PREFIX: a bucket of 3 to 63 lower-case letters, digits, dots and dashes; in the "
                + "prefix letters, digits, dots, dashes and underscores"
        case .endpoint: "an http or https address of a host without a path, such as https://s3.example.com:8333"
        case .region: "a region such as eu-central-1"
        }
    }
}
