import Foundation
import Testing
import VideoModels

@testable import SyncService

/// The form of the bodies is written down twice, for the decoder and for the findings: here the two must agree.
@Suite struct KnownKeysTests {
    /// A submission with everything that one can say.
    private func submission() throws -> [String: Any] {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = tests.appendingPathComponent("VideoModelsTests/Fixtures/request.json")
        return [
            "request": try JSONSerialization.jsonObject(with: Data(contentsOf: file)), "max_price": "1.5",
            "priority": "high",
        ]
    }

    @Test func `a submission with everything has no findings, and leaves no key out`() throws {
        let body = try submission()
        #expect(BodyCheck.findings(in: body, .submission).isEmpty)
        let (described, given) = places(.object(.submission), body, at: "")
        #expect(described.subtracting(given) == [])
        #expect(described.count > 40)
    }

    /// The keys of each object by their path without indices: those described, and those that the value has.
    private func places(_ shape: BodyShape, _ value: Any, at place: String) -> (Set<String>, Set<String>) {
        var (described, given): (Set<String>, Set<String>) = ([], [])
        func add(_ more: (Set<String>, Set<String>)) {
            described.formUnion(more.0)
            given.formUnion(more.1)
        }
        switch (shape, value) {
        case (.list(let item), let values as [Any]): for value in values { add(places(item, value, at: place)) }
        case (.object(let keys), let fields as [String: Any]) where !keys.wantsOne:
            for (key, shape) in keys.shapes {
                described.insert("\(place).\(key)")
                guard let value = fields[key] else { continue }
                given.insert("\(place).\(key)")
                add(places(shape, value, at: "\(place).\(key)"))
            }
        default: break
        }
        return (described, given)
    }

    @Test func `what has no findings can be decoded, and what has some cannot`() throws {
        let bodies = variants(of: try submission()).compactMap { $0 as? [String: Any] }
        #expect(bodies.count > 1000)
        for body in bodies { try agree(JobSubmission.self, .submission, body) }
        for body in variants(of: ["request": ["model": "m"]]).compactMap({ $0 as? [String: Any] }) {
            try agree(PhoneAPI.QuoteBody.self, .quote, body)
        }
        for body in variants(of: ["decision": "give_up"]).compactMap({ $0 as? [String: Any] }) {
            try agree(PhoneAPI.DecisionBody.self, .decision, body)
        }
    }

    private func agree(_ type: (some Decodable).Type, _ keys: KnownKeys, _ body: [String: Any]) throws {
        let data = try JSONSerialization.data(withJSONObject: body, options: .sortedKeys)
        let findings = BodyCheck.findings(in: body, keys).filter { $0.code != .known(.unknownField) }
        let isDecoded = (try? Wire.decode(type, from: data)) != nil
        #expect(findings.isEmpty == isDecoded, "\(findings) \(String(decoding: data, as: UTF8.self))")
    }

    /// The value with one place of it left out or replaced, for every place and every replacement.
    private func variants(of value: Any) -> [Any] {
        var all: [Any] = Self.replacements
        if let fields = value as? [String: Any] {
            for (key, value) in fields {
                all.append(fields.filter { $0.key != key })
                all += variants(of: value).map { fields.merging([key: $0]) { $1 } }
            }
        }
        for (index, item) in (value as? [Any] ?? []).enumerated() {
            all += variants(of: item).map { changed in
                var list = value as? [Any] ?? []
                list[index] = changed
                return list
            }
        }
        return all
    }

    private static var replacements: [Any] {
        let id = "019aa5d6-0000-7000-8000-000000000000"
        let text = """
            [null, true, 0, 1, 2.0, 2.5, -3, 1e20, 100000000000000000000, 9223372036854775808, "", "x", "1", "1.5",
             "true", "\(id)", [], [null], [1], ["x"], [{}], {}, {"url": "u"}, {"url": null}, {"asset_id": "\(id)"},
             {"asset_id": "x"}, {"url": "u", "asset_id": "\(id)"}, {"url": null, "asset_id": "\(id)"}, {"model": "m"}]
            """
        return (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [Any] ?? []
    }

    @Test(arguments: [
        (#"{"request":5}"#, ["request: must be an object (5)"]),
        (#"{"request":[]}"#, ["request: must be an object ([])"]),
        (#"{"request":null}"#, ["request: must not be null (-)"]),
        ("{}", ["request: is missing (-)"]),
        (
            #"{"request":{"model":7},"max_price":1.5,"note":"n"}"#,
            [
                #"max_price: must be an amount as text, such as "0.55" (1.5)"#, "note: there is no such field (-)",
                "request.model: must be a text (7)",
            ]
        ),
        (
            #"{"request":{"prompt":null},"max_price":"-1"}"#,
            ["max_price: must not be negative (-1)", "request.model: is missing (-)"]
        ),
        (
            #"{"request":{"model":"m"},"max_price":"cheap"}"#, [#"max_price: not an amount such as "0.55" (cheap)"#]
        ),
        (#"{"request":{"model":"m"},"max_price":null}"#, []),
    ])
    func `a mistake in one field of a submission hides none in another`(text: String, expected: [String]) throws {
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
        let findings = BodyCheck.findings(in: try #require(object as? [String: Any]), .submission)
        #expect(findings.map { "\($0.field): \($0.message) (\($0.given ?? "-"))" } == expected)
    }
}
