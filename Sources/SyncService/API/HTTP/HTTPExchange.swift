import NIOCore
import ObjectStorage

/// One request on its way through a connection. Belongs to the connection's event loop.
final class HTTPExchange {
    enum Answer {
        case none, begun, ended
    }

    let number: Int
    let requestID: String
    let isHead: Bool
    let isHTTP10: Bool
    let body: BodyPipe
    var isBodyOver: Bool
    /// The client waits for `100 Continue` before it sends the body.
    var owesContinue: Bool
    var keepsAlive: Bool
    var answer = Answer.none
    var isChunked = false
    var task: Task<Void, Never>?
    /// Of a client behind a proxy.
    var place: HTTPServerCore.ClientPlace?
    /// Kept while the answer is on its way.
    var claim: AnswerClaim?
    /// Of the claim, which cuts the answer when it is void.
    var watch: Int?

    /// - Parameter head: nil for an answer to something that was no request.
    init(number: Int, requestID: String, head: RequestHead?, body: BodyPipe) {
        (self.number, self.requestID, self.body) = (number, requestID, body)
        isHead = head?.method == .head
        isHTTP10 = head?.isHTTP10 ?? false
        isBodyOver = head.map { $0.framing == .none } ?? true
        owesContinue = head?.expectsContinue ?? false
        keepsAlive = head?.wantsKeepAlive ?? false
    }

    /// The answer is written, or nobody waits for it any more.
    func settle() {
        if let watch { claim?.session.revoked.forget(watch) }
        (claim, watch) = (nil, nil)
    }

    /// Nobody waits for the answer any more.
    func abandon() {
        settle()
        body.end(.failure(.clientGone))
        task?.cancel()
    }
}

/// What is still to be written on a connection, in order.
struct OutgoingPieces {
    enum Content {
        case bytes(ByteBuffer)
        case file(OpenFile, Range<Int64>)
    }

    struct Piece {
        var content: Content
        /// Told when the client's connection has taken the piece, or never will.
        var written: EventLoopPromise<Void>?
        var isLast: Bool
    }

    /// Files are written in slices of this size, so that a slow client can be told from one that takes nothing.
    static let sliceSize: Int64 = 1 << 20

    private var pieces = CircularBuffer<Piece>(initialCapacity: 1)
    /// Whether a piece is with the channel.
    var isWriting = false

    mutating func add(_ content: Content, isLast: Bool = false, written: EventLoopPromise<Void>? = nil) {
        pieces.append(Piece(content: content, written: written, isLast: isLast))
    }

    mutating func next() -> Piece? {
        guard let piece = pieces.popFirst() else { return nil }
        guard case .file(let file, let range) = piece.content, range.upperBound - range.lowerBound > Self.sliceSize
        else {
            return piece
        }
        let cut = range.lowerBound + Self.sliceSize
        pieces.prepend(
            Piece(content: .file(file, cut..<range.upperBound), written: piece.written, isLast: piece.isLast))
        return Piece(content: .file(file, range.lowerBound..<cut), written: nil, isLast: false)
    }

    mutating func fail(_ error: any Error) {
        for piece in pieces { piece.written?.fail(error) }
        pieces.removeAll()
    }
}
