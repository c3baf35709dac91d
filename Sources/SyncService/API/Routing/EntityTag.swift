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

/// What the client's conditions make of a request for something that is there under this tag.
enum Precondition: Hashable, Sendable {
    case proceed
    /// 304: the client has it already.
    case notModified
    /// 412: the client wanted another state.
    case failed

    /// `If-Match` and `If-None-Match`, in the order that the standard gives them. Conditions that cannot be read are
    /// passed over, as are those on dates: we send none.
    init(_ headers: APIHeaders, tag: EntityTag, method: APIMethod) {
        if let text = joined(headers, "if-match"), let wanted = EntityTagList(text),
            !wanted.contains(tag.matchesStrongly)
        {
            self = .failed
        } else if let text = joined(headers, "if-none-match"), let known = EntityTagList(text),
            known.contains(tag.matchesWeakly)
        {
            self = method == .get || method == .head ? .notModified : .failed
        } else {
            self = .proceed
        }
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
