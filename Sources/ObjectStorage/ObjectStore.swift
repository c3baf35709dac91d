public import Foundation

/// Where finished bytes live under keys: the seam between a local directory and an S3-compatible service.
///
/// An object is whole or absent: nothing can be read under a key before it is complete, and what a `commit` or `put`
/// returned survives a crash of the machine. Committing to a key that exists replaces the object in one step.
public protocol ObjectStore: Sendable {
    /// Takes in a body with bounded memory and hashes it on the way, without making it visible.
    ///
    /// The caller looks at the staged file, then hands it to `commit` or `discard`. What is neither (the process died)
    /// is removed by housekeeping. Errors of the body itself pass through; after any error nothing is left behind.
    ///
    /// - Parameters:
    ///   - length: the exact number of bytes, when known: space for it is reserved first, and a body of any other
    ///     length throws `truncated` or `tooLarge`.
    ///   - limit: the most bytes to accept; one more throws `tooLarge`.
    func stage<Body: AsyncSequence>(expecting length: Int64?, atMost limit: Int64, body: Body) async throws
        -> StagedObject
    where Body.Element == [UInt8]

    /// Makes a staged object visible under its key; it is durable on return. The staged file is used up, also by an error.
    func commit(_ staged: StagedObject, to key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo

    /// Drops a staged object. Never fails: what cannot be removed now is left to housekeeping.
    func discard(_ staged: StagedObject) async

    /// Opens bytes for reading; what was opened stays readable after the object is deleted or replaced.
    ///
    /// - Parameter range: nil for all; it is cut to the object's end. A range that begins past the end is empty.
    func open(_ key: ObjectKey, range: Range<Int64>?) async throws(ObjectStoreError) -> ObjectReader

    func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo

    /// Removes an object; one that is not there is as good as removed.
    func delete(_ key: ObjectKey) async throws(ObjectStoreError)

    /// One page of the keys that begin with `prefix` (a plain text prefix; empty for all), in byte order.
    ///
    /// - Parameter after: the last key of the page before. A page shorter than `limit` is the last.
    func list(prefix: String, after: ObjectKey?, limit: Int) async throws(ObjectStoreError) -> [ListedObject]
}

extension ObjectStore {
    /// The most bytes an object may have unless the caller says otherwise: 16 GiB.
    public static var defaultLimit: Int64 { 16 << 30 }

    /// Stores a body under a key in one step. Whole and durable on return; absent, or what it was before, on an error.
    public func put<Body: AsyncSequence>(
        _ key: ObjectKey, expecting length: Int64? = nil, atMost limit: Int64 = Self.defaultLimit, body: Body
    ) async throws -> ObjectInfo where Body.Element == [UInt8] {
        try await commit(stage(expecting: length, atMost: limit, body: body), to: key)
    }
}

/// What is known of an object without reading it.
public struct ObjectInfo: Hashable, Sendable {
    public let bytes: Int64
    /// Known right after writing; afterwards only where the store keeps it.
    public let sha256: ContentHash?
    public let modified: Date

    public init(bytes: Int64, sha256: ContentHash?, modified: Date) {
        (self.bytes, self.sha256, self.modified) = (bytes, sha256, modified)
    }
}

public struct ListedObject: Hashable, Sendable {
    public let key: ObjectKey
    public let info: ObjectInfo
}

/// A whole body that nobody can see yet: a file to be checked, then committed or discarded.
public struct StagedObject: Hashable, Sendable {
    /// The local file that holds the bytes, already durable. Only for reading.
    public let path: String
    public let bytes: Int64
    public let sha256: ContentHash
}
