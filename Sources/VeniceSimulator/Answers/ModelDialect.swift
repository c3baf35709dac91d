/// The other spellings of the model list.
struct ModelDialect: Sendable {
    private let dialect: Dialect

    init?(_ dialect: Dialect) {
        guard [.modelsBareRatio, .modelsSparse, .modelsNovel].contains(dialect) else { return nil }
        self.dialect = dialect
    }

    func respell(_ fields: inout [String: JSONValue]) {
        guard let records = fields["data"]?.array else { return }
        fields["data"] = .array(records.map(respelled) + (dialect == .modelsNovel ? [Self.novel] : []))
    }

    private func respelled(_ record: JSONValue) -> JSONValue {
        var fields = record.object ?? [:]
        var spec = fields["model_spec"]?.object ?? [:]
        var constraints = spec["constraints"]?.object ?? [:]
        switch dialect {
        case .modelsBareRatio:
            if let ratios = constraints["aspect_ratios"]?.array, ratios.count == 1 {
                constraints["aspect_ratios"] = ratios[0]
            }
        case .modelsSparse:
            fields["created"] = nil
            spec = spec.filter { ["privacy", "constraints"].contains($0.key) }
            for key in ["audio_input", "per_reference_audio", "video_input"] where constraints[key] == false {
                constraints[key] = nil
            }
        default:
            spec["privacy"] = "sealed"
            constraints["frames_per_second"] = [24, 60]
            fields["discount_to_user"] = 0.1
        }
        spec["constraints"] = .object(constraints)
        fields["model_spec"] = .object(spec)
        return .object(fields)
    }

    /// A model of a kind that nobody knows.
    private static let novel: JSONValue = [
        "id": "novel-speech-to-video", "object": "model", "owned_by": "venice.ai", "type": "video",
        "model_spec": [
            "privacy": "private", "name": "Novel",
            "constraints": [
                "model_type": "speech-to-video", "durations": ["1 gen"], "resolutions": [], "aspect_ratios": ["3:1"],
                "audio": true, "audio_configurable": false,
            ],
        ],
    ]
}
