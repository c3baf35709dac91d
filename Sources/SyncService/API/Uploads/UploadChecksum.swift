import Crypto
import Foundation
import VideoModels

/// What a client says that the body of one request hashes to: `Upload-Checksum: sha256 base64`.
struct UploadChecksum: Hashable, Sendable {
    enum Algorithm: String, CaseIterable, Sendable {
        case sha256, sha1

        var bytes: Int { self == .sha256 ? SHA256.byteCount : Insecure.SHA1.byteCount }
    }

    let algorithm: Algorithm
    let digest: [UInt8]

    init(_ field: String) throws(Problem) {
        let words = field.split(separator: " ")
        guard words.count == 2 else { throw Problem.malformed("Upload-Checksum must be an algorithm and base64") }
        guard let algorithm = Algorithm(rawValue: words[0].lowercased()) else {
            let known = Algorithm.allCases.map(\.rawValue).joined(separator: " and ")
            throw Problem.malformed("the checksums known here are \(known)")
        }
        guard let digest = Data(base64Encoded: String(words[1])), digest.count == algorithm.bytes else {
            throw Problem.malformed("Upload-Checksum must hold \(algorithm.bytes) bytes in base64")
        }
        (self.algorithm, self.digest) = (algorithm, Array(digest))
    }

    /// A hash that grows.
    struct Hasher {
        private enum Kind {
            case sha256(SHA256)
            case sha1(Insecure.SHA1)
        }

        private var kind: Kind

        init(_ algorithm: Algorithm) {
            switch algorithm {
            case .sha256: kind = .sha256(SHA256())
            case .sha1: kind = .sha1(Insecure.SHA1())
            }
        }

        mutating func update(_ bytes: [UInt8]) {
            switch kind {
            case .sha256(var hash):
                hash.update(data: bytes)
                kind = .sha256(hash)
            case .sha1(var hash):
                hash.update(data: bytes)
                kind = .sha1(hash)
            }
        }

        func finish() -> [UInt8] {
            switch kind {
            case .sha256(let hash): Array(hash.finalize())
            case .sha1(let hash): Array(hash.finalize())
            }
        }
    }
}
