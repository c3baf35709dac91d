public import Foundation
public import VideoModels

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

    /// Opens bytes for reading. They are of the one object that was there: should it be deleted or replaced, a local
    /// store still reads it to its end, and a remote one ends with `changed` or `notFound` rather than mix two objects.
    ///
    /// - Parameter range: nil for all; it is cut to the object's end. A range that begins past the end is empty.
    func open(_ key: ObjectKey, range: Range<Int64>?) async throws(ObjectStoreError) -> ObjectReader

    func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo

    /// Puts the same bytes under another key, without moving them through this process; durable on return.
    func copy(_ key: ObjectKey, to target: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo

    /// Removes an object; one that is not there is as good as removed.
    func delete(_ key: ObjectKey) async throws(ObjectStoreError)

    /// One page of the keys that begin with `prefix` (a plain text prefix; empty for all), each key once.
    ///
    /// The order is the store's own and always the same: by bytes, or folder by folder where a service keeps folders.
    ///
    /// - Parameter after: the last key of the page before. A page shorter than `limit` is the last.
    func list(prefix: String, after: ObjectKey?, limit: Int) async throws(ObjectStoreError) -> [ListedObject]

    /// A path at which this machine can read the object's bytes, for an hour at least. Only for reading.
    func localFile(of key: ObjectKey) async throws(ObjectStoreError) -> String

    /// An address at which whoever holds it can read the object until it expires; nil where there is no such thing.
    func temporaryLink(
        to key: ObjectKey, for lifetime: Duration, as presentation: LinkPresentation
    ) -> Redacted<String>?

    /// The bytes that can still be staged on this machine.
    func freeBytes() async throws(ObjectStoreError) -> Int64

    /// Whether objects can be reached and this process may ask for them: the cheapest question that tells.
    func check() async throws(ObjectStoreError)

    /// Removes what was begun and never finished, last touched before `moment`; says how many things.
    ///
    /// Choose a moment further back than the longest pause of a download: what is still being written would go, too.
    func collectRubbish(olderThan moment: Date) async throws(ObjectStoreError) -> Int
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
    /// Known right after writing; afterwards where the file system or the service keeps it. A listing never has it.
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
    /// The local file that holds the bytes. Only for reading.
    public let path: String
    public let bytes: Int64
    public let sha256: ContentHash
}

/// What a link's answer says of itself.
public struct LinkPresentation: Hashable, Sendable {
    public var contentType: String
    public var cacheControl: String
    public var disposition: String

    public init(contentType: String, cacheControl: String, disposition: String) {
        (self.contentType, self.cacheControl, self.disposition) = (contentType, cacheControl, disposition)
    }
}
