/// One thing that is wrong with a body, and the form in which the service says so.
struct Finding: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// The body does not fit the schema: `{error, details, issues}`.
        case schema(code: String)
        /// The model does not take this field: plain `{error}`.
        case unsupported
        /// The media cannot be used: `{error, details}` with a text in `details`.
        case media
        /// The media is readable and out of bounds: 422 `{error}`.
        case outOfBounds
    }

    var kind: Kind
    var path: [String]
    var message: String
    var options: [String] = []

    static func schema(_ code: String, _ path: String..., message: String, options: [String] = []) -> Finding {
        Finding(kind: .schema(code: code), path: path, message: message, options: options)
    }

    static func wrongType(_ path: [String], expected: String, received: JSONValue) -> Finding {
        Finding(
            kind: .schema(code: "invalid_type"), path: path,
            message: "Expected \(expected), received \(received.typeName)")
    }

    static func required(_ field: String) -> Finding {
        .schema("invalid_type", field, message: "Required")
    }

    static func unsupported(_ field: String) -> Finding {
        Finding(kind: .unsupported, path: [field], message: "This model does not support \(field)")
    }

    static func oneOf(_ options: [String], _ field: String, received: String) -> Finding {
        let expected = options.map { "'\($0)'" }.joined(separator: " | ")
        return .schema(
            "invalid_enum_value", field, message: "Invalid enum value. Expected \(expected), received '\(received)'",
            options: options)
    }
}

extension Answer {
    /// The refusal for what was found: its form follows the first finding, and a schema error lists them all.
    static func refusal(_ findings: [Finding]) -> Answer {
        guard let first = findings.first else { return .error(400, "Invalid request parameters") }
        switch first.kind {
        case .unsupported: return .error(400, first.message)
        case .media:
            return .json(400, ["error": .string(first.message), "details": .string(first.path.joined(separator: "."))])
        case .outOfBounds: return .error(422, first.message)
        case .schema: return .json(400, detailed(findings))
        }
    }

    private static func detailed(_ findings: [Finding]) -> JSONValue {
        var tree: [String: JSONValue] = ["_errors": []]
        for finding in findings {
            let field = finding.path.first ?? "body"
            let earlier = tree[field]?["_errors"]?.array ?? []
            tree[field] = ["_errors": .array(earlier + [.string(finding.message)])]
        }
        return [
            "error": "Invalid request parameters", "details": .object(tree),
            "issues": .array(findings.map(issue)),
        ]
    }

    private static func issue(_ finding: Finding) -> JSONValue {
        var issue: [String: JSONValue] = [
            "message": .string(finding.message), "path": .array(finding.path.map { .string($0) }),
        ]
        if case .schema(let code) = finding.kind { issue["code"] = .string(code) }
        if !finding.options.isEmpty { issue["options"] = .array(finding.options.map { .string($0) }) }
        return .object(issue)
    }
}
