import NIOCore

/// Cuts a request's body into pieces as it comes, and hashes it on the way.
///
/// A body that breaks off ends its last piece, so that what has arrived can be kept; `failure` tells. Unchecked: one task
/// reads, one piece after the other.
final class BodyCutter: @unchecked Sendable {
    private var body: RequestBody.Iterator
    private var rest = ByteBuffer()
    private var hasher: UploadChecksum.Hasher?
    private var isOver = false
    private(set) var failure: RequestRefusal?

    init(_ body: RequestBody, hashing algorithm: UploadChecksum.Algorithm? = nil) {
        self.body = body.makeAsyncIterator()
        hasher = algorithm.map(UploadChecksum.Hasher.init)
    }

    /// Of all that was read.
    var digest: [UInt8]? { hasher?.finish() }

    /// Waits for the next byte; false when there is none.
    func hasMore() async -> Bool {
        while rest.readableBytes == 0, !isOver {
            switch await Self.next(&body) {
            case .success(let part?): rest = part
            case .success(nil): isOver = true
            case .failure(let refusal):
                failure = refusal
                isOver = true
            }
        }
        return rest.readableBytes > 0
    }

    private static func next(_ body: inout RequestBody.Iterator) async -> Result<ByteBuffer?, RequestRefusal> {
        do throws(RequestRefusal) { return .success(try await body.next()) } catch { return .failure(error) }
    }

    fileprivate func take(atMost limit: Int) async -> [UInt8]? {
        guard limit > 0, await hasMore() else { return nil }
        let bytes = rest.readBytes(length: min(limit, rest.readableBytes))
        if let bytes { hasher?.update(bytes) }
        return bytes
    }

    /// The next bytes up to so many, as they come.
    func piece(atMost limit: Int) -> Piece { Piece(cutter: self, limit: limit) }

    struct Piece: AsyncSequence, Sendable {
        let cutter: BodyCutter
        let limit: Int

        func makeAsyncIterator() -> Iterator { Iterator(cutter: cutter, left: limit) }
    }

    struct Iterator: AsyncIteratorProtocol {
        let cutter: BodyCutter
        var left: Int

        mutating func next() async -> [UInt8]? {
            guard let bytes = await cutter.take(atMost: left) else { return nil }
            left -= bytes.count
            return bytes
        }
    }
}
