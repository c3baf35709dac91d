import Foundation

/// The models that the simulator offers, and the answer of `GET /models` made from them.
struct Catalogue: Sendable {
    let models: [String: VideoModel]
    let families: [String: ModelFamily]
    /// The whole answer to `GET /models?type=video`, made once.
    let listing: Data

    struct Unreadable: Error, CustomStringConvertible {
        var description: String
    }

    /// The snapshot that ships with the library, read once.
    static func bundled() throws -> Catalogue { try snapshot.get() }

    private static let snapshot = Result { try readBundled() }

    private static func readBundled() throws -> Catalogue {
        guard let url = Bundle.module.url(forResource: "Resources/video-models", withExtension: "json") else {
            throw Unreadable(description: "video-models.json is not in the simulator's resource bundle")
        }
        return try Catalogue(json: Data(contentsOf: url))
    }

    /// Joins the two maps of the snapshot by id: `models` (the records) and `constraints`.
    init(json: Data) throws {
        guard let root = JSONValue.parse(json), let records = root["models"]?.array,
            let constraints = root["constraints"]?.object
        else { throw Unreadable(description: "the model snapshot holds no `models` array and `constraints` object") }
        var models: [String: VideoModel] = [:]
        var listed: [JSONValue] = []
        for record in records {
            guard let id = record["id"]?.string, let limits = constraints[id],
                let model = VideoModel(id: id, constraints: limits)
            else { throw Unreadable(description: "the model snapshot has an incomplete record: \(record)") }
            models[id] = model
            listed.append(Self.listed(record, constraints: limits))
        }
        self.models = models
        families = models.mapValues(ModelFamily.init)
        listing = JSONValue(dictionaryLiteral: ("object", "list"), ("type", "video"), ("data", .array(listed))).bytes
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

    subscript(id: String) -> (model: VideoModel, family: ModelFamily)? {
        guard let model = models[id], let family = families[id] else { return nil }
        return (model, family)
    }
}
