import Crypto
import Foundation

/// One job's video: a cached file that jobs of one shape share, and after it a box that only this job has.
struct MediaFile: Hashable, Sendable {
    var path: String
    /// Of the shared part, in bytes.
    var sharedLength: Int
    /// A `uuid` box with the job's id: players skip it, and no two jobs have equal bytes.
    var trailer: Data
    /// Of the whole, in lower-case hex.
    var sha256: String

    var length: Int { sharedLength + trailer.count }

    /// - Parameter prefix: the hash state after the shared part.
    init(path: String, sharedLength: Int, prefix: SHA256, queueID: String) {
        self.path = path
        self.sharedLength = sharedLength
        trailer = Self.box(queueID)
        var hash = prefix
        hash.update(data: trailer)
        sha256 = hash.finalize().hex
    }

    /// Size, `uuid`, a type of 16 bytes that is nobody else's, the text.
    private static func box(_ queueID: String) -> Data {
        let content = Data("VeniceSimulator\0".utf8) + Data(queueID.utf8)
        let size = UInt32(8 + content.count)
        return withUnsafeBytes(of: size.bigEndian) { Data($0) } + Data("uuid".utf8) + content
    }
}

extension Digest {
    var hex: String { map { String(format: "%02x", $0) }.joined() }
}
