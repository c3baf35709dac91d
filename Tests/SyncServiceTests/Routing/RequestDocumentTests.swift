import Foundation
import SyncService
import Testing
import VideoModels

/// How strictly a request is read: the same for the API's bodies and for a person's file.
@Suite struct RequestDocumentTests {
    private func findings(_ text: String) -> [Finding] {
        do {
            _ = try VideoRequest(document: Data(text.utf8))
            return []
        } catch {
            return error.errors ?? [Finding(field: "", code: .malformed, message: error.code.word)]
        }
    }

    @Test func `a misspelt key is found however deep it lies, and so is what it leaves out`() {
        let text = """
            {"model": "m", "promt": "p", "image": {"url": "https://a.example", "uri": "x"},
             "reference_images": [{"url": "https://a.example/1"}, {"ulr": "https://a.example/2"}],
             "elements": [{"video": {"url": "https://a.example/3"}}, {"reference_images": [{"file": 1}], "frontal": 1}],
             "keyframes": [{"image": {"url": "https://a.example/4"}, "frame_index": 0}],
             "image_references": [{"type": "subject"}], "video_references": [{"audio": {"u": 1}}],
             "camera_path": [{"time": 0, "zoom": 1}]}
            """
        let findings = findings(text)
        #expect(
            findings.map(\.field) == [
                "camera_path[0].azimuth", "camera_path[0].distance", "camera_path[0].elevation", "camera_path[0].zoom",
                "elements[1].frontal", "elements[1].reference_images[0]", "elements[1].reference_images[0].file",
                "image.uri", "image_references[0].image", "image_references[0].type", "keyframes[0].frame",
                "keyframes[0].frame_index", "promt", "reference_images[1]", "reference_images[1].ulr",
                "video_references[0].audio", "video_references[0].audio.u", "video_references[0].video",
            ])
        #expect(
            findings.filter { $0.code == .known(.unknownField) }.map(\.field) == [
                "camera_path[0].zoom", "elements[1].frontal", "elements[1].reference_images[0].file", "image.uri",
                "image_references[0].type", "keyframes[0].frame_index", "promt", "reference_images[1].ulr",
                "video_references[0].audio.u",
            ])
    }

    @Test func `every value of the wrong type is told at once, with what was given`() {
        let text = """
            {"model":5,"prompt":[],"duration":5,"audio":"true","elements":{},"keyframes":[1,"a",null],
             "reference_video_seconds":"12","upscale_factor":2.5,"image":"https://x","promt":"p","video":{"url":7},
             "end_image":{"url":"https://x","asset_id":"y"}}
            """
        #expect(
            findings(text).map { "\($0.field): \($0.message) (\($0.given ?? "-"))" } == [
                #"audio: must be true or false ("true")"#,
                "duration: must be a text (5)",
                "elements: must be a list ({})",
                "end_image: give either asset_id or url (-)",
                "end_image.asset_id: not a UUID (y)",
                #"image: must be an object with asset_id or url ("https://x")"#,
                "keyframes[0]: must be an object (1)",
                #"keyframes[1]: must be an object ("a")"#,
                "keyframes[2]: must not be null (-)",
                "model: must be a text (5)",
                "prompt: must be a text ([])",
                "promt: there is no such field (-)",
                #"reference_video_seconds: must be a number ("12")"#,
                "upscale_factor: must be a whole number (2.5)",
                "video.url: must be a text (7)",
            ])
    }

    @Test(arguments: [
        ("100000000000000000000", "100000000000000000000"), ("2.5", "2.5"), ("-0.1", "-0.1"), ("true", "true"),
        ("9223372036854775808", "9223372036854775808"), (#"[ 1, {"b": null, "a": "/"} ]"#, #"[1,{"a":"/","b":null}]"#),
    ])
    func `a value is given back as it was sent, in compact JSON`(value: String, given: String) {
        #expect(findings(#"{"model":"m","upscale_factor":\#(value)}"#).map(\.given) == [given])
    }

    @Test func `a long value is given back in part`() {
        let list = "[" + Array(repeating: "1", count: 1000).joined(separator: ",") + "]"
        #expect(findings(#"{"model":\#(list)}"#).map(\.given) == [String(list.prefix(200))])
    }

    @Test(arguments: [#"{"model":"m","model":5}"#, #"{"model":"m","prompt":"p","prompt":[]}"#])
    func `of a key that comes twice, what is read is what was checked`(text: String) {
        #expect(findings(text).map(\.message) == ["must be a text"])
    }

    @Test(arguments: [
        (#"{"model":"m","elements":{}}"#, "elements"), (#"{"model":"m","elements":[7]}"#, "elements[0]"),
        (#"{"model":"m","keyframes":[{"image":{"url":"x"}}]}"#, "keyframes[0].frame"),
        (#"{"model":"m","keyframes":[{"image":{"url":"x"},"frame":1.5}]}"#, "keyframes[0].frame"),
        (#"{"model":"m","keyframes":[{"image":{"url":"x"},"frame":1e300}]}"#, "keyframes[0].frame"),
        (#"{"model":"m","upscale_factor":2.5}"#, "upscale_factor"),
        (#"{"model":"m","upscale_factor":true}"#, "upscale_factor"),
        (#"{"model":"m","camera_path":[{"time":"0","azimuth":0,"elevation":0,"distance":1}]}"#, "camera_path[0].time"),
        (#"{"model":"m","video_references":[{"video":{"asset_id":"x"}}]}"#, "video_references[0].video.asset_id"),
        (#"{"model":"m","image":{}}"#, "image"), (#"{"prompt":"p"}"#, "model"), ("[]", ""), ("{", ""),
    ])
    func `what cannot be read is named by its path`(text: String, field: String) {
        #expect(findings(text).map(\.field) == [field])
    }

    @Test func `a number of the wrong type is told as such`() {
        let text = #"{"model":"m","reference_video_seconds":"long"}"#
        #expect(findings(text).map(\.message) == ["must be a number"])
    }

    @Test func `findings and sizes have their bounds`() {
        let keys = (0..<500).map { #""k\#($0)":1"# }.joined(separator: ",")
        #expect(findings(#"{"model":"m",\#(keys)}"#).count == 100)
        let numbers = Array(repeating: "1", count: 500).joined(separator: ",")
        #expect(findings(#"{"model":"m","elements":[\#(numbers)],"keyframes":[\#(numbers)]}"#).count == 100)
        let text = #"{"model":"m","prompt":"\#(String(repeating: "x", count: 300_000))"}"#
        #expect(findings(text).map(\.message) == ["malformed_request"])
    }

    @Test func `null counts as absent`() throws {
        let request = try VideoRequest(document: Data(#"{"model":"m","elements":null,"voice":null}"#.utf8))
        #expect(request == VideoRequest(model: "m"))
    }
}
