import Foundation
import HTTPTransport

/// Names one state of a resource (RFC 9110, 8.8.3).
struct EntityTag: Hashable, Sendable, CustomStringConvertible {
    /// What stands between the quotes.
    let value: String
    let isWeak: Bool

    init(_ value: String, isWeak: Bool = false) {
        (self.value, self.isWeak) = (value, isWeak)
    }

    var description: String { (isWeak ? "W/" : "") + "\"\(value)\"" }

    /// The same bytes: both strong, and equal.
    func matchesStrongly(_ other: Self) -> Bool { !isWeak && !other.isWeak && value == other.value }

    /// The same for a reader's purposes.
    func matchesWeakly(_ other: Self) -> Bool { value == other.value }
}

/// The value of `If-Match` or `If-None-Match`.
enum EntityTagList: Hashable, Sendable {
    case any
    case tags([EntityTag])

    /// Nil if the text is no such list. Commas may stand inside the quotes, so it is read from left to right.
    init?(_ text: String) {
        var rest = trimmed(text[...])
        if rest == "*" {
            self = .any
            return
        }
        var tags: [EntityTag] = []
        while !rest.isEmpty {
            guard let tag = Self.next(&rest) else { return nil }
            tags.append(tag)
            rest = trimmed(rest)
            guard rest.isEmpty || rest.first == "," else { return nil }
            rest = rest.drop { $0 == "," || $0 == " " || $0 == "\t" }
        }
        guard !tags.isEmpty else { return nil }
        self = .tags(tags)
    }

    private static func next(_ rest: inout Substring) -> EntityTag? {
        let isWeak = rest.hasPrefix("W/")
        if isWeak { rest = rest.dropFirst(2) }
        guard rest.first == "\"" else { return nil }
        rest = rest.dropFirst()
        guard let end = rest.firstIndex(of: "\"") else { return nil }
        defer { rest = rest[rest.index(after: end)...] }
        return EntityTag(String(rest[..<end]), isWeak: isWeak)
    }
}

/// By what a client knows the state that it has: a tag, and the time of the last change.
struct Validators: Hashable, Sendable {
    let tag: EntityTag
    /// Whole seconds, as the header has them. What is stored never changes, so the date is as strong as the tag.
    let modified: Date

    init(tag: EntityTag, modified: Date) {
        self.tag = tag
        self.modified = Date(timeIntervalSince1970: modified.timeIntervalSince1970.rounded(.down))
    }

    var headers: APIHeaders { ["etag": tag.description, "last-modified": HTTPDate.text(of: modified)] }

    /// Whether a condition for a range (`If-Range`) names exactly this state. One that cannot be read names another.
    func areNamed(by condition: String) -> Bool {
        if let date = HTTPDate.date(from: condition) { return date == modified }
        guard case .tags(let tags)? = EntityTagList(condition), tags.count == 1 else { return false }
        return tags[0].matchesStrongly(tag)
    }
}

/// What the client's conditions make of a request for something that is there in this state.
enum Precondition: Hashable, Sendable {
    case proceed
    /// 304: the client has it already.
    case notModified
    /// 412: the client wanted another state.
    case failed

    /// In the order that the standard gives them (RFC 9110, 13.2.2): a tag wins over a date. Conditions that cannot be
    /// read are passed over.
    init(_ headers: APIHeaders, _ state: Validators, method: APIMethod) {
        let isReading = method == .get || method == .head
        if Self.isOther(headers, state) {
            self = .failed
        } else if Self.isKnown(headers, state, isReading: isReading) {
            self = isReading ? .notModified : .failed
        } else {
            self = .proceed
        }
    }

    /// `If-Match`, else `If-Unmodified-Since`.
    private static func isOther(_ headers: APIHeaders, _ state: Validators) -> Bool {
        if let text = joined(headers, "if-match") {
            return EntityTagList(text).map { !$0.contains(state.tag.matchesStrongly) } ?? false
        }
        return headers["if-unmodified-since"].flatMap(HTTPDate.date).map { state.modified > $0 } ?? false
    }

    /// `If-None-Match`, else for reading `If-Modified-Since`.
    private static func isKnown(_ headers: APIHeaders, _ state: Validators, isReading: Bool) -> Bool {
        if let text = joined(headers, "if-none-match") {
            return EntityTagList(text)?.contains(state.tag.matchesWeakly) ?? false
        }
        guard isReading else { return false }
        return headers["if-modified-since"].flatMap(HTTPDate.date).map { state.modified <= $0 } ?? false
    }
}

extension EntityTagList {
    fileprivate func contains(_ matches: (EntityTag) -> Bool) -> Bool {
        switch self {
        case .any: true
        case .tags(let tags): tags.contains(where: matches)
        }
    }
}

private func joined(_ headers: APIHeaders, _ name: String) -> String? {
    let values = headers.values(of: name)
    return values.isEmpty ? nil : values.joined(separator: ",")
}
