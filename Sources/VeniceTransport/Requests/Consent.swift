/// What a person agreed to after being shown the upstream's own text (PROTOCOL §15.4). Never sent without that.
public enum Consent: String, Hashable, Sendable, CaseIterable {
    case seedance

    /// The three statements, each true; one more or one less is refused.
    private static let statements = [
        "confirmed_terms_and_privacy", "confirmed_legal_right", "confirmed_screening_acknowledged",
    ]

    var body: BodyValue {
        let agreed = Self.statements.map { BodyField(key: $0, value: .bool(true)) }
        return .record([BodyField(key: rawValue, value: .record(agreed))])
    }
}

/// A name for one of this deployment's users that means nothing to the upstream (`anon_user_id`).
public struct AnonymousUser: Hashable, Sendable {
    public let id: String

    /// Nil unless it is 1 to 128 characters of printable ASCII without `||`.
    public init?(_ id: String) {
        guard (1...128).contains(id.utf8.count), id.utf8.allSatisfy({ (0x20...0x7e).contains($0) }), !id.contains("||")
        else { return nil }
        self.id = id
    }
}
