import Foundation
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

struct ModelCatalogueTests {
    @Test func `all recorded models load, with the counts that the record states`() async throws {
        let text = String(decoding: try recordedCatalogue(), as: UTF8.self)
        let http = ScriptedHTTPClient(.json(text))
        let catalogue = try await VeniceClient(http).models()
        #expect(catalogue.models.count == 116)
        #expect(catalogue.skipped == [])
        #expect(catalogue.models.filter { $0.kind == .known(.textToVideo) }.count == 44)
        #expect(catalogue.models.filter { $0.kind == .known(.imageToVideo) }.count == 66)
        #expect(catalogue.models.filter { $0.kind == .known(.videoToVideo) }.count == 6)
        #expect(catalogue.models.filter(\.followsSourceLength).count == 5)
        #expect(catalogue.models.filter(\.aspectRatios.isEmpty).count == 41)
        #expect(catalogue.models.filter(\.resolutions.isEmpty).count == 35 + 1)  // the upscaler's factors stand there
        #expect(catalogue.models.filter { $0.sound == .known(.optional) }.count == 54)
        #expect(catalogue.models.filter(\.takesAudioTrack).count == 13)
        #expect(catalogue.models.filter(\.takesVideo).count == 6)
        #expect(catalogue.models.filter { $0.privacy == .known(.private) }.count == 14)
        #expect(catalogue.models.filter { $0.takes(.videoReferences) }.map(\.id) == ["wan-2-7-reference-to-video"])
        #expect(catalogue.models.filter { $0[.image]?.leastRatio != nil }.count == 12)
        #expect(catalogue.models.filter(\.isUncensored).count == 26)
        #expect(catalogue.models.filter { $0.deprecation != nil }.count == 4)
        #expect(http.requests.first?.url == "https://api.venice.ai/api/v1/models?type=video")
    }

    @Test func `strange entries are skipped or read loosely, and spoil no others`() async throws {
        let text = """
            {"data": [
              {"id": "a", "type": "video", "unknown": [1], "model_spec": {"privacy": "secret", "constraints":
                {"model_type": "hologram", "durations": [5, "10s"], "aspect_ratios": "16:9", "resolutions": null,
                 "audio": true, "prompt_character_limit": "7000"},
                "deprecation": {"removesAt": "2026-09-24T00:00:00.000Z"}, "offline": true}},
              {"id": "d", "created": 1790208000, "model_spec": {"name": "D", "description": "Fine.", "beta": true,
                "modelSource": "https://d.example", "model_sets": ["fast"], "uncensored": true, "constraints":
                {"model_type": "image-to-video", "audio_input": true, "per_reference_audio": true,
                 "reference_image_min_short_side_pixels": 300, "reference_image_max_aspect_ratio": 2.5},
                "deprecation": {"date": "2026-09-24T00:00:00Z", "startsAt": "2026-09-01T00:00:00Z", "autoRemap": true,
                  "replacementModelId": "e"}}},
              {"id": "b", "type": "video", "model_spec": {"privacy": "private"}},
              {"id": "c", "type": "image", "model_spec": {}}, 7, null, {"type": "video"}
            ]}
            """
        let catalogue = try await VeniceClient(.json(text)).models()
        let model = try #require(catalogue.models.first)
        #expect(catalogue.models.count == 2)
        #expect(catalogue.skipped == ["b", "?", "?", "?"])
        #expect(model.kind == .unknown("hologram"))
        #expect(model.durations == ["5s", "10s"])
        #expect(model.aspectRatios == ["16:9"])
        #expect(model.resolutions == [])
        #expect(model.sound == .known(.always))
        #expect(model.promptCharacterLimit == 7000)
        #expect(model.privacy == .unknown("secret"))
        #expect(model.isOffline)
        let day = Date(timeIntervalSince1970: 1_790_208_000)
        #expect(model.removedAt == day)
        #expect(model.deprecation == VideoModel.Deprecation(removedAt: day))
        let other = try #require(catalogue.models.last)
        #expect(other.description == "Fine." && other.source == "https://d.example" && other.tags == ["fast"])
        #expect(other.isRestricted && other.isUncensored && other.createdAt == day)
        #expect(
            other.deprecation
                == VideoModel.Deprecation(
                    removedAt: day, startsAt: Date(timeIntervalSince1970: 1_788_220_800), isRemapped: true,
                    replacement: "e"))
        #expect(other.takes(.videoReferences) && other.takesAudioTrack)
        #expect(other[.image]?.shortestSidePixels == 300 && other[.image]?.mostRatio == 2.5)
    }

    /// Two readers, one of them in the tests of the models: what both find is what the listing says.
    @Test func `the recorded models read the same through both readers`() async throws {
        let catalogue = try await VeniceClient(.json(String(decoding: try recordedCatalogue(), as: UTF8.self))).models()
        for (read, expected) in zip(catalogue.models.sorted { $0.id < $1.id }, VideoModel.recorded) {
            #expect(read.id == expected.id && read.inputs == expected.inputs && read.durations == expected.durations)
            #expect(read.sound == expected.sound && read.promptCharacterLimit == expected.promptCharacterLimit)
        }
    }

    @Test(arguments: ["[]", "{}", "{\"data\": {}}", "<html></html>", ""])
    func `no list is an unexpected answer`(body: String) async {
        #expect(
            await failure { () throws(VeniceError) in try await VeniceClient(.json(body)).models() }?.word
                == "unexpected answer")
    }

    @Test func `a list without end is not read to its end`() async {
        let chunks = [[UInt8]](repeating: [UInt8](repeating: 0x20, count: 1 << 20), count: 9)
        let client = VeniceClient(.answer(status: 200, headers: [:], chunks: chunks, failure: nil))
        #expect(await failure { () throws(VeniceError) in try await client.models() }?.word == "unexpected answer")
    }
}
