import Foundation
import HTTPTransport

/// How patient a download is before it gives the trouble to its caller.
public struct DownloadPolicy: Sendable, Hashable {
    /// How often a broken transfer is gone on with.
    public var tries = 3
    /// The wait before the first of them; it doubles.
    public var firstWait = Duration.seconds(1)
    /// The first wait after a 429 that names none; it doubles as well.
    public var throttledWait = Duration.seconds(30)
    /// What would have to wait longer is left to the caller, who can do something else meanwhile.
    public var longestWait = Duration.seconds(60)

    public init() {}

    /// The same for an upstream whose clock runs `1 / factor` times as fast.
    public func scaled(by factor: Double) -> Self {
        var policy = self
        policy.firstWait = firstWait * factor
        policy.throttledWait = throttledWait * factor
        policy.longestWait = longestWait * factor
        return policy
    }
}

/// What a server said of a file with its first answer; what comes later has to agree.
struct FileIdentity: Sendable, Hashable {
    /// A strong entity tag.
    var tag: String?
    var modified: String?
    var length: Int?
    /// Nil when the server does not say.
    var takesRanges: Bool?
    /// What is counted here are decoded bytes, which no range can name.
    var isEncoded = false

    init(_ headers: HTTPHeaders, length: Int?) {
        tag = headers["ETag"].flatMap { $0.hasPrefix("\"") ? $0 : nil }
        modified = headers["Last-Modified"]
        self.length = length
        switch headers["Accept-Ranges"]?.lowercased() {
        case "bytes": takesRanges = true
        case "none": takesRanges = false
        default: break
        }
        isEncoded = !(headers["Content-Encoding"] ?? "identity").equalsIdentity
    }

    /// What `If-Range` may carry: the server then sends the rest only if it still has the same file.
    var validator: String? { tag ?? modified }

    /// Whether the rest could be told from the rest of another file: not without a validator, since a length may be that
    /// of another file as well. A date has whole seconds only, so it takes the length beside it.
    var canResume: Bool {
        guard !isEncoded, takesRanges != false else { return false }
        return tag != nil || (modified != nil && length != nil)
    }

    /// Why a `206` is not the rest of this file from `offset` on; nil when it is.
    func objection(to part: ContentRange?, _ headers: HTTPHeaders, at offset: Int) -> String? {
        guard let part else { return "the part does not say where it belongs" }
        guard part.first == offset else { return "the part begins at \(part.first)" }
        if let length, let total = part.total, total != length { return "the file has another length now" }
        let other = FileIdentity(headers, length: part.total)
        if other.isEncoded { return "the part is encoded" }
        if let tag, let newTag = headers["ETag"], newTag != tag { return "the file has another tag now" }
        if tag == nil, let modified, let date = other.modified, date != modified { return "the file has changed" }
        if let length, part.last >= length { return "the part goes past the file's end" }
        return nil
    }
}

/// `Content-Range: bytes 100-199/200`, or `/*` where the whole length is not known.
struct ContentRange: Hashable {
    var first: Int
    var last: Int
    var total: Int?

    init?(_ text: String?) {
        guard let text, text.lowercased().hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        let ends = parts.first?.split(separator: "-", omittingEmptySubsequences: false) ?? []
        guard parts.count == 2, ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
            first <= last
        else { return nil }
        (self.first, self.last) = (first, last)
        guard parts[1] != "*" else { return }
        guard let total = Self.number(parts[1]), last < total else { return nil }
        self.total = total
    }

    private static func number(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text) : nil
    }
}

/// What an answer to "give me the rest" means.
enum ResumeDecision: Hashable {
    /// It is the rest of the same file.
    case append
    /// The file, or the server's way with it, has changed: what is here is worth nothing to this answer.
    case startOver(String)
    /// Asking again is of no use now.
    case giveUp(String)
    /// Not now; ask again after that time.
    case wait(Duration)
}

/// How far a download is, and what to do when it breaks. Pure: it is told what happened and keeps no clock.
struct DownloadPlan: Sendable, Hashable {
    private(set) var identity: FileIdentity
    private(set) var received: Int
    private(set) var tries = 0
    let policy: DownloadPolicy

    init(_ identity: FileIdentity, received: Int, policy: DownloadPolicy) {
        (self.identity, self.received, self.policy) = (identity, received, policy)
    }

    /// Counts bytes. False when there are more than the file has.
    mutating func receive(_ count: Int) -> Bool {
        received += count
        return identity.length.map { received <= $0 } ?? true
    }

    /// Whether a body that has ended has ended at the file's end, as far as that is known.
    var isComplete: Bool { identity.length.map { received >= $0 } ?? true }

    /// The headers that ask for the rest.
    var rangeHeaders: [(name: String, value: String)] {
        [("Range", "bytes=\(received)-")] + (identity.validator.map { [("If-Range", $0)] } ?? [])
    }

    /// After a transfer broke: `wait`, then ask for the rest; or `giveUp`.
    mutating func broke(_ reason: HTTPClientError.Reason) -> ResumeDecision {
        switch reason {
        case .interrupted, .truncated, .unreachable, .unresolved, .tls, .timedOut(.connect), .timedOut(.firstByte),
            .timedOut(.idle):
            break
        // Ended from this side, or nothing that another try would mend.
        case .cancelled, .stopped, .overloaded, .invalidRequest, .bodySource, .tooLarge, .malformed, .timedOut(.total),
            .other:
            return .giveUp("not that kind of trouble")
        }
        guard identity.canResume else { return .giveUp("the server cannot go on in the middle") }
        return pause(policy.firstWait)
    }

    /// What the answer to a request with `rangeHeaders` means.
    mutating func answered(_ status: Int, _ headers: HTTPHeaders, now: Date) -> ResumeDecision {
        switch status {
        case 206:
            let part = ContentRange(headers["Content-Range"])
            if let objection = identity.objection(to: part, headers, at: received) { return .startOver(objection) }
            identity.length = identity.length ?? part?.total
            return .append
        case 200, 203: return .startOver("the server sends the file from its beginning")
        case 416: return .startOver("the file is shorter now")
        case 404, 410: return .giveUp("the file is gone (\(status))")
        case 429:
            let asked = RateLimitHeaders(headers).retryAfter?.delay(from: now)
            return pause(asked ?? policy.throttledWait, isExact: asked != nil)
        case 408, 500..<600: return pause(policy.firstWait)
        default: return .giveUp("status \(status)")
        }
    }

    /// One try more, if there is one left and its turn comes soon enough.
    private mutating func pause(_ first: Duration, isExact: Bool = false) -> ResumeDecision {
        guard tries < policy.tries else { return .giveUp("after \(tries) tries") }
        let delay = isExact ? first : first * Double(1 << min(tries, 16))
        guard delay <= policy.longestWait else { return .giveUp("the server wants to be left alone") }
        tries += 1
        return .wait(delay)
    }
}

extension String {
    fileprivate var equalsIdentity: Bool { lowercased() == "identity" }
}
