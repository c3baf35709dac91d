import Foundation
import HTTPTransport

/// What opens the file behind a link, to be struck from all that is said about it: whoever answers there may quote the
/// path that was asked for, and not as a whole link.
struct LinkSecret: Hashable, Sendable {
    /// A shorter step of a path is a word such as `share`, and no key.
    static let shortest = 8

    /// The longest first, so that none leaves a rest of another.
    private let parts: [String]

    init(_ link: String) {
        let target = (link.firstRange(of: "://").map { link[$0.upperBound...] } ?? link[...]).drop {
            !"/?#".contains($0)
        }
        let path = target.prefix { !"?#".contains($0) }
        let query = target.dropFirst(path.count + 1)
        let values = query.split { "?#&".contains($0) }.map { $0.split(separator: "=", maxSplits: 1).last ?? $0 }
        let words = (path.split(separator: "/") + values + [path.dropFirst(), query]).filter {
            $0.count >= Self.shortest
        }
        let wholes = [path, target, query.isEmpty ? "" : "?" + query].filter { $0.count > 1 }
        let written = (words + wholes).map(String.init)
        let all = Set(written + written.compactMap(\.removingPercentEncoding))
        parts = all.sorted { ($1.count, $0) < ($0.count, $1) }
    }

    /// Nil for a request whose address is no secret.
    init?(_ request: HTTPRequest) {
        guard request.isURLSecret else { return nil }
        self.init(request.url)
    }

    func strike(_ text: String) -> String {
        parts.reduce(text) { $0.replacingOccurrences(of: $1, with: "‹redacted›", options: .caseInsensitive) }
    }

    /// The headers that are words of whoever answers.
    func strike(_ headers: AnswerHeaders) -> AnswerHeaders {
        var headers = headers
        for word in [
            \AnswerHeaders.ray, \.requestID, \.version, \.hostName, \.deprecation.warning, \.deprecation.date,
            \.deprecation.word, \.deprecation.successor,
        ] {
            headers[keyPath: word] = headers[keyPath: word].map(strike)
        }
        return headers
    }
}
