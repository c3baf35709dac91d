import Foundation

/// Another spelling of an answer. Each has been seen in some source; a client must read all of them alike.
public enum Dialect: String, Hashable, Sendable, Codable, CaseIterable {
    /// Queue: `queueid`, `queueId` or `id` in place of `queue_id`.
    case idLower = "id_lower"
    case idCamel = "id_camel"
    case idPlain = "id_plain"
    /// Queue: an extra `status: "queued"`.
    case statusQueued = "status_queued"
    /// Retrieve: the status in lower case.
    case statusLower = "status_lower"
    /// Retrieve: other words for a job that is under way, the last of which nobody knows.
    case wordQueued = "word_queued"
    case wordRunning = "word_running"
    case wordPending = "word_pending"
    case wordInProgress = "word_in_progress"
    case wordUnknown = "word_unknown"
    /// Retrieve: `averageExecutionTime` and `executionDuration`.
    case timingsCamel = "timings_camel"
    /// Retrieve: `estimatedDuration` and `executionDuration`.
    case timingsEstimated = "timings_estimated"
    /// Retrieve: the timings as text.
    case timingsText = "timings_text"
    case timingsMissing = "timings_missing"
    /// Retrieve: COMPLETED with the link in the body, under three names.
    case inlineURL = "inline_url"
    case inlineVideoURL = "inline_video_url"
    case inlineDownloadURL = "inline_download_url"
    /// Quote: `currency: "USD"`.
    case quoteCurrency = "quote_currency"
    /// Models: a single ratio as bare text; everything left out that is optional; words and keys that nobody knows.
    case modelsBareRatio = "models_bare_ratio"
    case modelsSparse = "models_sparse"
    case modelsNovel = "models_novel"
    /// Every JSON object: keys that nobody knows, one of them null, one an object.
    case extraKeys = "extra_keys"
    /// A video that claims to be something else.
    case videoOctetStream = "video_octet_stream"
    case videoQuickTime = "video_quicktime"
    case videoAsJSON = "video_as_json"
    /// JSON that claims to be something else.
    case jsonAsVideo = "json_as_video"
    case jsonAsText = "json_as_text"
    /// No Content-Type at all.
    case untyped
    /// Errors in other shapes: `{error: {message, type, code}}`, `{message}`, `{error, request_id}`, `{error, code}`,
    /// plain text, nothing.
    case errorObject = "error_object"
    case errorMessage = "error_message"
    case errorRequestID = "error_request_id"
    case errorCode = "error_code"
    case errorText = "error_text"
    case errorEmpty = "error_empty"
}

extension Dialect {
    /// The name under which the link of a finished job goes into the body of retrieve.
    var inlineKey: String? {
        switch self {
        case .inlineURL: "url"
        case .inlineVideoURL: "video_url"
        case .inlineDownloadURL: "download_url"
        default: nil
        }
    }

    private var word: String? {
        switch self {
        case .wordQueued: "queued"
        case .wordRunning: "running"
        case .wordPending: "pending"
        case .wordInProgress: "in_progress"
        case .wordUnknown: "warming_up"
        default: nil
        }
    }

    private var idKey: String? {
        switch self {
        case .idLower: "queueid"
        case .idCamel: "queueId"
        case .idPlain: "id"
        default: nil
        }
    }

    /// Spells the answer anew. What it has nothing to say about stays as it is.
    func spell(_ answer: inout Answer, of endpoint: Endpoint) {
        switch answer.body {
        case .video, .part, .filler: label(&answer)
        case .bytes(let bytes):
            guard !bytes.isEmpty, let json = JSONValue.parse(bytes) else { return }
            if answer.status >= 400 {
                spellError(&answer, json)
            } else if let fields = json.object {
                let spelled = respell(fields, endpoint)
                if spelled != fields { answer.body = .bytes(JSONValue.object(spelled).bytes) }
            }
            labelJSON(&answer)
        }
    }

    private func label(_ answer: inout Answer) {
        switch self {
        case .videoOctetStream: answer.setHeader("Content-Type", "application/octet-stream")
        case .videoQuickTime: answer.setHeader("Content-Type", "video/quicktime")
        case .videoAsJSON: answer.setHeader("Content-Type", "application/json; charset=utf-8")
        case .untyped: answer.removeHeader("Content-Type")
        default: break
        }
    }

    private func labelJSON(_ answer: inout Answer) {
        switch self {
        case .jsonAsVideo: answer.setHeader("Content-Type", "video/mp4")
        case .jsonAsText: answer.setHeader("Content-Type", "text/plain; charset=utf-8")
        case .untyped: answer.removeHeader("Content-Type")
        default: break
        }
    }

    private func respell(_ fields: [String: JSONValue], _ endpoint: Endpoint) -> [String: JSONValue] {
        var fields = fields
        if self == .extraKeys {
            fields.merge(["x_new": ["deep": [1, "two", .null]], "x_null": .null, "x_flag": true]) { old, _ in old }
        }
        switch endpoint {
        case .queue: respellQueue(&fields)
        case .retrieve: respellRetrieve(&fields)
        case .quote where self == .quoteCurrency: fields["currency"] = "USD"
        case .models: ModelDialect(self)?.respell(&fields)
        default: break
        }
        return fields
    }

    private func respellQueue(_ fields: inout [String: JSONValue]) {
        if let idKey, let id = fields.removeValue(forKey: "queue_id") { fields[idKey] = id }
        if self == .statusQueued { fields["status"] = "queued" }
    }

    private func respellRetrieve(_ fields: inout [String: JSONValue]) {
        guard let status = fields["status"]?.string else { return }
        if self == .statusLower { fields["status"] = .string(status.lowercased()) }
        if let word, status == "PROCESSING" { fields["status"] = .string(word) }
        respellTimings(&fields)
    }

    private func respellTimings(_ fields: inout [String: JSONValue]) {
        let names = ["average_execution_time", "execution_duration"]
        guard [.timingsCamel, .timingsEstimated, .timingsText, .timingsMissing].contains(self) else { return }
        let values = names.map { fields.removeValue(forKey: $0) }
        switch self {
        case .timingsCamel: (fields["averageExecutionTime"], fields["executionDuration"]) = (values[0], values[1])
        case .timingsEstimated: (fields["estimatedDuration"], fields["executionDuration"]) = (values[0], values[1])
        case .timingsText:
            for (name, value) in zip(names, values) { fields[name] = value?.number.map { .string("\(Int($0))") } }
        default: break
        }
    }

    private func spellError(_ answer: inout Answer, _ json: JSONValue) {
        guard let text = json["error"]?.string ?? json["error"]?["message"]?.string else { return }
        let message = JSONValue.string(text)
        switch self {
        case .errorObject:
            answer.body = .bytes(JSONValue(["error": ["message": message, "type": "api_error", "code": .null]]).bytes)
        case .errorMessage: answer.body = .bytes(JSONValue(["message": message]).bytes)
        case .errorRequestID:
            answer.body = .bytes(JSONValue(["error": message, "request_id": "req-0f1e2d3c"]).bytes)
        case .errorCode: answer.body = .bytes(JSONValue(["error": message, "code": "SOMETHING_ELSE"]).bytes)
        case .errorText:
            answer.body = .bytes(Data(text.utf8))
            answer.setHeader("Content-Type", "text/plain; charset=utf-8")
        case .errorEmpty: answer.body = .bytes(Data())
        default: break
        }
    }
}

extension JSONValue {
    init(_ fields: [String: JSONValue]) { self = .object(fields) }
}
