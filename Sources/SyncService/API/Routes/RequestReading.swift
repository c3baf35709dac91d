import Foundation
import NIOCore
import VideoModels

// What a request's parts must look like, and the findings for those that do not.

extension Problem {
    static func malformed(_ detail: String) -> Problem {
        Problem(status: 400, code: .malformedRequest, title: "The request is malformed", detail: detail)
    }

    /// More findings do not help a person, and a hostile body could bring thousands.
    static let mostFindings = 100

    static func invalid(_ all: [Finding]) -> Problem {
        let findings = Array(all.prefix(mostFindings))
        return Problem(
            status: 422, code: .validationFailed, title: "The request is not valid",
            detail: findings.map { "\($0.field): \($0.message)" }.joined(separator: "; "), errors: findings)
    }

    static let notFound = Problem(status: 404, code: .notFound, title: "There is no such thing")
}

extension APIRequest {
    static let bodyLimit = VideoRequest.documentLimit

    /// Reads a JSON body, or refuses it with all that is wrong with its form.
    ///
    /// - Returns: the body, and a finding for each key that nobody knows, however deep: a misspelt field must not be
    ///   dropped in silence. The caller refuses with these, and with what it finds itself.
    func decode<Value: Decodable>(
        _ type: Value.Type, keys: KnownKeys
    ) async throws -> (value: Value, strangers: [Finding]) {
        let contentType = headers["content-type"]?.split(separator: ";").first.map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        guard contentType?.lowercased() == "application/json" else {
            throw Problem(
                status: 415, code: .unsupportedMediaType, title: "The body must be JSON",
                detail: "Content-Type must be application/json")
        }
        return try Self.read(
            type, from: Data(try await body.collect(upTo: Self.bodyLimit).readableBytesView), keys: keys)
    }

    /// Reads JSON that somebody wrote.
    static func read<Value: Decodable>(
        _ type: Value.Type, from data: Data, keys: KnownKeys
    ) throws(Problem) -> (value: Value, strangers: [Finding]) {
        guard let object = try? JSONSerialization.jsonObject(with: data) else {
            throw Problem.malformed("the body is no JSON")
        }
        guard let fields = object as? [String: Any] else { throw Problem.malformed("the body must be a JSON object") }
        let findings = BodyCheck.findings(in: fields, keys)
        guard findings.allSatisfy({ $0.code == .known(.unknownField) }) else { throw Problem.invalid(findings) }
        do {
            // What was checked, not what was sent: of a key that comes twice, the two parsers keep different values.
            return (try Wire.decode(type, from: JSONSerialization.data(withJSONObject: fields)), findings)
        } catch let error as DecodingError {
            throw Problem.invalid(findings + [Finding(error)])
        } catch {
            throw Problem.malformed("the body cannot be read")
        }
    }

    /// A whole number in a range; `fallback` when absent.
    func number(_ name: String, in range: ClosedRange<Int>, or fallback: Int) throws(Problem) -> Int {
        guard let text = query(name) else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            throw Problem.malformed("\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The identifier in the path. One that cannot exist is not found.
    func id<Entity>(_ type: Identifier<Entity>.Type) throws(Problem) -> Identifier<Entity> {
        guard let id = parameters["id"].flatMap({ Identifier<Entity>($0) }) else { throw Problem.notFound }
        return id
    }

    /// Query names outside the list are refused: a misspelt `cursor` would ask for everything.
    func allow(query names: Set<String>) throws(Problem) {
        if let stranger = query.first(where: { !names.contains($0.name) }) {
            throw Problem.malformed("there is no query parameter \(stranger.name.prefix(50))")
        }
    }
}

extension Finding {
    /// What a decoder says of a body that `BodyCheck` let through.
    init(_ error: DecodingError) {
        switch error {
        case .keyNotFound(let key, let context):
            self.init(field: Self.path(context.codingPath + [key]), code: .required, message: "is missing")
        case .valueNotFound(_, let context), .typeMismatch(_, let context), .dataCorrupted(let context):
            self.init(field: Self.path(context.codingPath), code: .malformed, message: context.debugDescription)
        @unknown default:
            self.init(field: "", code: .malformed, message: "cannot be read")
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce("") { path, key in
            key.intValue.map { "\(path)[\($0)]" } ?? (path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)")
        }
    }
}
