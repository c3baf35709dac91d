import Foundation

/// The models that the simulator offers, and the answer of `GET /models` made from them.
struct Catalogue: Sendable {
    /// One model as it is listed, before anybody's rules.
    struct Entry: Sendable {
        var record: JSONValue
        var model: VideoModel
        var family: ModelFamily
        var isPrivate: Bool
        var isListed: Bool
    }

    /// In the order of the listing.
    let entries: [Entry]
    private let places: [String: Int]
    /// The models that everybody sees.
    let models: [String: VideoModel]
    let families: [String: ModelFamily]
    /// The whole answer to `GET /models?type=video` where no rule applies, made once.
    let listing: Data

    struct Unreadable: Error, CustomStringConvertible {
        var description: String
    }

    /// The snapshot and the unlisted models that ship with the library, read once.
    static func bundled() throws -> Catalogue { try snapshot.get() }

    private static let snapshot = Result {
        Catalogue(try read("video-models", isListed: true) + read("unlisted-models", isListed: false))
    }

    private static func read(_ name: String, isListed: Bool) throws -> [Entry] {
        guard let url = Bundle.module.url(forResource: "Resources/\(name)", withExtension: "json") else {
            throw Unreadable(description: "\(name).json is not in the simulator's resource bundle")
        }
        return try entries(Data(contentsOf: url), isListed: isListed)
    }

    /// Joins the two maps of a snapshot by id: `models` (the records) and `constraints`.
    static func entries(_ json: Data, isListed: Bool) throws -> [Entry] {
        guard let root = JSONValue.parse(json), let records = root["models"]?.array,
            let constraints = root["constraints"]?.object
        else { throw Unreadable(description: "the model snapshot holds no `models` array and `constraints` object") }
        return try records.map { record in
            guard let id = record["id"]?.string, let limits = constraints[id],
                let model = VideoModel(id: id, constraints: limits)
            else { throw Unreadable(description: "the model snapshot has an incomplete record: \(record)") }
            return Entry(
                record: listed(record, constraints: limits), model: model, family: ModelFamily(model),
                isPrivate: record["model_spec"]?["privacy"] == "private", isListed: isListed)
        }
    }

    init(_ entries: [Entry]) {
        self.entries = entries
        places = Dictionary(uniqueKeysWithValues: entries.indices.map { (entries[$0].model.id, $0) })
        let shown = entries.filter(\.isListed)
        models = Dictionary(uniqueKeysWithValues: shown.map { ($0.model.id, $0.model) })
        families = Dictionary(uniqueKeysWithValues: shown.map { ($0.model.id, $0.family) })
        listing = Self.listing(of: shown.map(\.record))
    }

    static func listing(of records: [JSONValue], type: String = "video") -> Data {
        JSONValue(["object": "list", "type": .string(type), "data": .array(records)]).bytes
    }

    private static func listed(_ record: JSONValue, constraints: JSONValue) -> JSONValue {
        var fields = record.object ?? [:]
        var spec = record["model_spec"]?.object ?? [:]
        spec["constraints"] = constraints
        spec["offline"] = false
        fields["model_spec"] = .object(spec)
        fields["object"] = "model"
        fields["owned_by"] = "venice.ai"
        return .object(fields)
    }

    func entry(_ id: String) -> Entry? { places[id].map { entries[$0] } }

    /// Every model that works, listed or not.
    subscript(id: String) -> (model: VideoModel, family: ModelFamily)? { entry(id).map { ($0.model, $0.family) } }
}
