import Foundation
import TestSupport
import Testing
import VideoModels

/// What is on the wire is a promise to phones in the field: these files only ever grow.
///
/// `UPDATE_GOLDEN=1 swift test --filter GoldenTests` writes them anew; look at the difference before you commit it.
@Suite struct GoldenTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
    static let isUpdating = ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1"

    @Test(arguments: WireSample.all) func `a value is written as its file has it, and reads back`(sample: WireSample)
        throws
    {
        let file = Self.folder.appendingPathComponent("\(sample.name).json")
        let json = try sample.encoded()
        if Self.isUpdating { try (json + Data("\n".utf8)).write(to: file) }
        let golden = try Data(contentsOf: file)
        #expect(String(decoding: json, as: UTF8.self) + "\n" == String(decoding: golden, as: UTF8.self))
        #expect(try sample.reencoded(golden) == json)
    }

    @Test(arguments: WireSample.all) func `every key is in snake case`(sample: WireSample) throws {
        let object = try JSONSerialization.jsonObject(with: try sample.encoded())
        let strange = keys(of: object).filter { $0.wholeMatch(of: /[a-z][a-z0-9]*(_[a-z0-9]+)*/) == nil }
        #expect(strange == [])
    }

    private func keys(of value: Any) -> [String] {
        if let object = value as? [String: Any] { return object.flatMap { [$0.key] + keys(of: $0.value) } }
        return (value as? [Any] ?? []).flatMap { keys(of: $0) }
    }

    @Test(arguments: WireSample.all) func `keys that came later are passed over`(sample: WireSample) throws {
        let object = try JSONSerialization.jsonObject(with: try sample.encoded())
        let grown = try JSONSerialization.data(withJSONObject: growing(object))
        let json = try sample.encoded()
        #expect(try sample.reencoded(grown) == json)
    }

    /// A new key in every object that is no dictionary.
    private func growing(_ value: Any, under parent: String = "") -> Any {
        if let list = value as? [Any] { return list.map { growing($0) } }
        guard let object = value as? [String: Any] else { return value }
        var grown: [String: Any] = [:]
        for (key, value) in object { grown[key] = growing(value, under: key) }
        if !["inputs"].contains(parent) { grown["later"] = ["x": [1, "y"]] }
        return grown
    }

    @Test(arguments: ["{}", #"{"asset_id":"019aa5d6-0000-7000-8000-000000000000","url":"https://a.b"}"#])
    func `a source is one of asset and address`(json: String) {
        #expect(throws: DecodingError.self) { try Wire.decode(MediaSource.self, from: Data(json.utf8)) }
    }

    @Test func `every source of a request is listed with the path of its field`() {
        #expect(
            WireSample.request.media.map(\.field) == [
                "image", "end_image", "audio_track", "video", "reference_images[0]", "reference_videos[0]",
                "reference_audios[0]", "reference_documents[0]", "elements[0].frontal_image",
                "elements[0].reference_images[0]", "elements[0].reference_images[1]", "elements[1].video",
                "scene_images[0]", "keyframes[0].image", "image_references[0].image", "video_references[0].video",
                "video_references[0].audio",
            ])
        #expect(VideoRequest.Field.allCases.allSatisfy(WireSample.request.has))
    }

    @Test func `a change of a kind that came later is kept out without an error`() throws {
        let json = #"{"album":{"name":"x"},"id":"b","kind":"album","sequence":7}"#
        let change = try Wire.decode(Change.self, from: Data(json.utf8))
        #expect(change == Change(sequence: 7, object: .unknown(kind: "album", id: "b")))
        let job = #"{"id":"\#(JobID.sample())","kind":"job","sequence":7}"#
        let bare = try Wire.decode(Change.self, from: Data(job.utf8))
        #expect(bare == Change(sequence: 7, object: .unknown(kind: "job", id: JobID.sample().description)))
    }

    @Test func `a finding shortens what was given`() {
        let finding = Finding(field: "f", code: .tooLong, message: "m", given: String(repeating: "x", count: 500))
        #expect(finding.given?.count == 200)
    }

    @Test func `the words of the wire are stable`() {
        #expect(
            Job.Status.allCases.map(\.rawValue) == [
                "waiting", "submitting", "rendering", "downloading", "ready", "failed", "cancelled", "attention",
            ])
        #expect(Job.Status.allCases.filter(\.isFinal) == [.ready, .failed, .cancelled])
        #expect(
            Job.Attention.Kind.allCases.map(\.rawValue) == [
                "unknown_outcome", "consent_needed", "account_blocked", "restored",
            ])
        #expect(Change.Kind.allCases.map(\.rawValue) == ["job", "video", "settings", "spending"])
        #expect(VideoRequest.ReferenceTask.allCases.map(\.rawValue) == ["auto", "reference", "edit", "extend"])
        #expect(VideoRequest.Bitrate.allCases.map(\.rawValue) == ["standard", "high"])
        #expect(VideoRequest.ImageReference.Role.allCases.map(\.rawValue) == ["subject", "background"])
        #expect(ModelInput.Need.allCases.map(\.rawValue) == ["required", "optional", "perhaps"])
    }
}

/// Rows that an earlier release stored.
@Suite struct EarlierReleaseTests {
    static let head =
        #"{"aspect_ratios":["16:9"],"durations":["5s"],"is_offline":true,"name":"N","privacy":"private","#
        + #""prompt_character_limit":3500,"resolutions":["720p"],"sound":"none","takes_audio_track":true,"#

    @Test func `a model without inputs gets those of its family, and of what the row says`() throws {
        let row = Self.head + #""id":"kling-o3-reference-to-video","kind":"image-to-video","takes_video":false}"#
        let model = try Wire.decode(VideoModel.self, from: Data(row.utf8))
        #expect(model.takesReferences && model.takesAudioTrack && !model.takesVideo && model.isOffline)
        #expect(model[.elements]?.most == 4)
        #expect(model.deprecation == nil && model.tags == [] && !model.isRestricted)
        let clip = Self.head + #""id":"x","kind":"video","removed_at":"2026-11-21T09:30:00.125Z","takes_video":true}"#
        let leaving = try Wire.decode(VideoModel.self, from: Data(clip.utf8))
        #expect(leaving[.video]?.need == .known(.required))
        #expect(leaving.removedAt == .sample)
    }

    @Test func `a request reads unchanged`() throws {
        let row =
            #"{"aspect_ratio":"16:9","audio":true,"duration":"5s","image":{"url":"https://a.example/1"},"model":"m","#
            + #""prompt":"p","reference_images":[{"asset_id":"\#(AssetID.sample())"}],"upscale_factor":2}"#
        #expect(try Wire.encode(Wire.decode(VideoRequest.self, from: Data(row.utf8))) == Data(row.utf8))
    }
}

@Suite struct EstimateTests {
    @Test func `progress grows, stands at 0,8 at the usual time and never claims to be done`() {
        let estimate = Job.Estimate(startedAt: .sample, usualSeconds: 90)
        let steps = (0..<500).map { estimate.progress(at: Date.sample.addingTimeInterval(Double($0))) }
        #expect(steps == steps.sorted())
        #expect(steps[0] == 0)
        #expect(abs(steps[90] - 0.8) < 0.0001)
        #expect(steps[499] == 0.99)
    }

    @Test func `a clock that is behind and an estimate of nothing give 0`() {
        let estimate = Job.Estimate(startedAt: .sample, usualSeconds: 90)
        #expect(estimate.progress(at: Date.sample.addingTimeInterval(-60)) == 0)
        #expect(Job.Estimate(startedAt: .sample, usualSeconds: 0).progress(at: .distantFuture) == 0)
    }
}
