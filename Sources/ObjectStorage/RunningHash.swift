import Crypto

/// A SHA-256 that grows.
struct RunningHash {
    private var hasher = SHA256()

    mutating func update(_ bytes: [UInt8]) { hasher.update(data: bytes) }
    func finish() -> ContentHash { ContentHash(hasher.finalize()) }
}
