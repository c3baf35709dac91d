import Foundation
import Testing
import VideoModels

/// The description for clients names exactly the fields that the types write.
@Suite struct OpenAPITests {
    /// The properties of each schema in `docs/openapi.yaml`, by the indentation that the file keeps.
    static let schemas: [String: Set<String>] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/openapi.yaml")
        let lines = (try? String(contentsOf: file, encoding: .utf8))?.components(separatedBy: "\n") ?? []
        var schemas: [String: Set<String>] = [:]
        var (schema, isInside) = ("", false)
        for line in lines.drop(while: { $0 != "  schemas:" }).dropFirst() {
            if let name = line.wholeMatch(of: #/    (\w+):/#)?.1 { (schema, isInside) = (String(name), false) }
            if line.hasPrefix("      ") && !line.hasPrefix("       ") { isInside = line == "      properties:" }
            if isInside, let name = line.firstMatch(of: #/^        (\w+):/#)?.1 {
                schemas[schema, default: []].insert(String(name))
            }
        }
        return schemas
    }()

    @Test(arguments: [
        ("VideoRequest", "request"), ("VideoModel", "model"), ("Job", "job"), ("JobDetail", "job-detail"),
        ("Video", "video"), ("Asset", "asset"), ("AssetPage", "asset-page"), ("VideoLink", "video-link"),
        ("Quote", "quote"), ("ChangePage", "change-page"), ("UserSettings", "settings"), ("Spending", "spending"),
        ("KeepingRule", "keeping"),
        ("DigestPage", "digest-page"),
        ("Problem", "problem"), ("JobSubmission", "submission"), ("Deletion", "deletion"),
        ("Step", "step-decided"), ("Device", "device"), ("Me", "me"),
    ])
    func `a schema has the keys of its type`(schema: String, sample: String) throws {
        let value = try #require(WireSample.all.first { $0.name == sample })
        let object = try JSONSerialization.jsonObject(with: value.encoded()) as? [String: Any]
        #expect(Self.schemas[schema] == object.map { Set($0.keys) })
    }

    @Test func `the parts of a request have theirs`() {
        func keys<Keys: CodingKey & CaseIterable>(_ type: Keys.Type) -> Set<String> {
            Set(type.allCases.map(\.stringValue))
        }
        #expect(Self.schemas["VideoRequest"] == keys(VideoRequest.CodingKeys.self))
        #expect(Self.schemas["Element"] == keys(VideoRequest.Element.CodingKeys.self))
        #expect(Self.schemas["Keyframe"] == keys(VideoRequest.Keyframe.CodingKeys.self))
        #expect(Self.schemas["ImageReference"] == keys(VideoRequest.ImageReference.CodingKeys.self))
        #expect(Self.schemas["VideoReference"] == keys(VideoRequest.VideoReference.CodingKeys.self))
        #expect(Self.schemas["CameraPoint"] == keys(VideoRequest.CameraPoint.CodingKeys.self))
    }

    @Test func `a model's input, its deprecation, a consent and an estimate have theirs`() throws {
        let input = ModelInput(
            least: 1, most: 1, options: [], shortestSeconds: 1, longestSeconds: 1, totalSeconds: 1, mostBytes: 1,
            shortestSidePixels: 1, leastRatio: 1, mostRatio: 1, alsoCounts: [], excludes: [])
        let leaving = VideoModel.Deprecation(removedAt: Date(), startsAt: Date(), replacement: "m")
        let policy = Job.ConsentPolicy(policyText: "t", version: "v", docsURL: "u", media: [])
        let job = WireSample.job
        let room = try #require(WireSample.quote.budget)
        let estimate = Job.Estimate(
            startedAt: Date(), law: DurationLaw(mu: 4, sigma: 0.3), deadlineSeconds: 86_400)
        for (schema, json) in [
            ("ModelInput", try Wire.encode(input)), ("Deprecation", try Wire.encode(leaving)),
            ("ConsentPolicy", try Wire.encode(policy)), ("Attention", try Wire.encode(job.attention)),
            ("Choice", try Wire.encode(job.attention?.choices?.first)), ("Hold", try Wire.encode(job.hold)),
            ("Failure", try Wire.encode(job.failure)), ("ExceededBudget", try Wire.encode(job.failure?.budget)),
            ("BudgetRoom", try Wire.encode(room)), ("BudgetLimit", try Wire.encode(room.limits.first)),
            ("Estimate", try Wire.encode(estimate)), ("Span", try Wire.encode(estimate.range)),
            ("Picture", try Wire.encode(Video.Picture.sample)),
            ("MeLimits", try Wire.encode(WireSample.me.limits)),
            ("DurationPart", try Wire.encode(estimate.law?.parts.first)),
        ] {
            let object = try JSONSerialization.jsonObject(with: json) as? [String: Any]
            #expect(Self.schemas[schema] == object.map { Set($0.keys) })
        }
    }

    @Test func `the words of findings are listed`() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/openapi.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        let start = try #require(text.firstRange(of: "    Finding:\n")).upperBound
        let list = try #require(text[start...].firstRange(of: "x-extensible-enum:")).upperBound
        let codes = text[list...].drop { $0 != "[" }.dropFirst().prefix { $0 != "]" }
        let words = codes.split { $0 == "," || $0.isWhitespace }.map(String.init)
        #expect(Set(words) == Set(Finding.Code.allCases.map(\.rawValue)))
    }
}
