/// What a client takes, by its `Accept` field (RFC 9110 §12.5.1). What is malformed in it is passed over.
struct AcceptedTypes {
    private struct Range {
        var type: String
        var subtype: String
        var quality: Double
        var place: Int

        /// How closely it names the type: 3 by name, 1 as anything; nil if not at all.
        func closeness(to type: String, _ subtype: String) -> Int? {
            if self.type == type, self.subtype == subtype { return 3 }
            if self.type == type, self.subtype == "*" { return 2 }
            return self.type == "*" && self.subtype == "*" ? 1 : nil
        }
    }

    private let ranges: [Range]
    /// Without the field, or with nothing in it, anything will do.
    private let takesAnything: Bool

    init(_ headers: APIHeaders) {
        takesAnything = headers.list(of: "accept").isEmpty
        ranges = headers.list(of: "accept").prefix(32).enumerated().compactMap { place, element in
            let element = WeightedElement(element)
            let parts = element.name.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, let quality = element.quality else { return nil }
            return Range(type: String(parts[0]), subtype: String(parts[1]), quality: quality, place: place)
        }
    }

    /// The offer that the client likes best: by quality, then by how closely it is named, then by the client's order, then
    /// by ours. Nil if it takes none.
    func best(of offers: [String]) -> String? {
        if takesAnything { return offers.first }
        var best: (offer: String, rating: Rating)?
        for offer in offers {
            guard let found = rating(of: offer) else { continue }
            if let best, !(found > best.rating) { continue }
            best = (offer, found)
        }
        return best?.offer
    }

    /// Quality, closeness and place.
    private typealias Rating = (Double, Int, Int)

    private func rating(of offer: String) -> Rating? {
        let parts = offer.split(separator: "/").map(String.init)
        let matches = ranges.compactMap { range in
            range.closeness(to: parts[0], parts[1]).map { (closeness: $0, range: range) }
        }
        guard let match = matches.max(by: { $0.closeness < $1.closeness }), match.range.quality > 0 else { return nil }
        return (match.range.quality, match.closeness, -match.range.place)
    }
}

/// An element such as `gzip;q=0.5`, its name in lower case.
struct WeightedElement {
    var name: String
    /// From 0 to 1; nil if it is malformed.
    var quality: Double?

    init(_ text: Substring) {
        let parts = text.split(separator: ";").map { trimmed($0).lowercased() }
        name = parts.first ?? ""
        let given = parts.dropFirst().first { $0.hasPrefix("q=") }
        quality = given.map { Double($0.dropFirst(2)).flatMap { (0...1).contains($0) ? $0 : nil } } ?? 1
    }
}
