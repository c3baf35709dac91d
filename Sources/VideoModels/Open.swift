/// A word from a list that may grow: one this build knows, or one that came later, kept as it was.
///
/// Decoding never fails on a new word and encoding gives it back unchanged, so an old app neither crashes on a newer
/// server nor damages what it stores for it.
public enum Open<Known: RawRepresentable & Hashable & Sendable>: Hashable, Sendable where Known.RawValue == String {
    case known(Known)
    case unknown(String)

    public init(_ word: String) { self = Known(rawValue: word).map(Open.known) ?? .unknown(word) }

    /// The word as it stands on the wire.
    public var word: String {
        switch self {
        case .known(let known): known.rawValue
        case .unknown(let word): word
        }
    }

    /// The known value, or nil for a word that this build does not know.
    public var known: Known? {
        if case .known(let known) = self { known } else { nil }
    }
}

extension Open: Codable {
    public init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(word)
    }
}

extension Open: CustomStringConvertible {
    public var description: String { word }
}
