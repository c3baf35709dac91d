import ObjectStorage

/// An object's bytes on their way into another store. Where reading fails it says so: one bad sector must not look like
/// trouble of the place that the bytes go to, which would end everything.
struct SourceBytes: AsyncSequence, Sendable {
    private let chunks: ObjectReader.Chunks

    init(of key: ObjectKey, in store: any ObjectStore) async throws {
        do throws(ObjectStoreError) { chunks = try await store.open(key, range: nil).chunks() } catch {
            throw SourceTrouble(error: error)
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(chunks: chunks.makeAsyncIterator()) }

    struct Iterator: AsyncIteratorProtocol {
        var chunks: ObjectReader.Chunks.AsyncIterator

        mutating func next() async throws -> [UInt8]? {
            do throws(ObjectStoreError) { return try await chunks.next() } catch { throw SourceTrouble(error: error) }
        }
    }
}

/// What went wrong where the bytes come from.
struct SourceTrouble: Error, Hashable {
    var error: ObjectStoreError

    /// Whether it is damage of this object, and others may be well; not of the whole store.
    var isOfOneObject: Bool {
        switch error {
        case .notFound, .changed, .corrupted, .foreignFile, .truncated, .tooLarge, .unexpected, .io, .notWritable: true
        case .noSpace, .missingFolder, .missingBucket, .unavailable, .denied, .cancelled: false
        }
    }
}

extension ObjectStoreError {
    /// A store that is told how many bytes come finds that others did.
    var isOfTheLength: Bool {
        switch self {
        case .truncated, .tooLarge: true
        default: false
        }
    }
}
