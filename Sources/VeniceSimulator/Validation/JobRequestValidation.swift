/// Judges the bodies of retrieve and complete: `model` and `queue_id`, and on retrieve `delete_media_on_completion`.
enum JobRequestValidation {
    static func judge(_ body: JSONValue, allowsDeletion: Bool) -> Result<RetrieveRequest, QueueValidation.Refused> {
        guard let fields = body.object else {
            return .failure(.init([.wrongType([], expected: "object", received: body)]))
        }
        guard fields["model"] != nil else { return .failure(.init(.error(400, "Model is required"))) }
        let findings = fields.sorted { $0.key < $1.key }.flatMap { finding($0, $1, allowsDeletion) }
        guard findings.isEmpty else { return .failure(.init(findings)) }
        guard let model = fields["model"]?.string, let id = fields["queue_id"]?.string else {
            return .failure(.init([.required("queue_id")]))
        }
        let deletes = fields["delete_media_on_completion"]?.bool ?? false
        return .success(RetrieveRequest(model: model, queueID: id, deletes: deletes))
    }

    private static func finding(_ key: String, _ value: JSONValue, _ allowsDeletion: Bool) -> [Finding] {
        switch key {
        case "model", "queue_id":
            value.string == nil ? [.wrongType([key], expected: "string", received: value)] : []
        case "delete_media_on_completion" where allowsDeletion:
            value.bool == nil ? [.wrongType([key], expected: "boolean", received: value)] : []
        default: [QueueSchema.unrecognized(key, at: [key])]
        }
    }
}
