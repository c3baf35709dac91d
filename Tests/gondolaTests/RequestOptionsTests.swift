import Foundation
import TestSupport
import Testing
import VideoModels

@testable import gondola

/// A request as a person gives it: in a file, by options, or both.
struct RequestOptionsTests {
    private func file(_ text: String) throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).json").path
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func failure(_ text: String) throws -> CommandFailure? {
        let path = try file(text)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let options = try RequestOptions.parse(["--request", path])
        return #expect(throws: CommandFailure.self) { try options.written() }
    }

    @Test func `a file holds everything that a request can say`() throws {
        var request = VideoRequest(model: "m", prompt: "p")
        request.elements = [VideoRequest.Element(frontalImage: .url("https://a.example/1"))]
        request.cameraPath = [VideoRequest.CameraPoint(time: 0, azimuth: 1, elevation: 2, distance: 3)]
        let path = try file(String(decoding: try Wire.encode(request), as: UTF8.self))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(try RequestOptions.parse(["--request", path]).written() == request)
        #expect(try RequestOptions.parse(["--request", path, "--model", "n"]).written().model == "n")
    }

    @Test func `what the server would refuse is refused before anything is uploaded`() throws {
        let misspelt = try failure(#"{"model": "m", "elements": [{"frontal": 1}]}"#)
        #expect(misspelt?.status == .refusedData)
        #expect(misspelt?.message.contains("elements[0].frontal") == true)
        #expect(try failure("no JSON")?.status == .refusedData)
        #expect(try failure(String(repeating: " ", count: 300_000))?.message.contains("at most 262144 bytes") == true)
    }

    @Test func `a file that is not there is told by its name`() throws {
        let options = try RequestOptions.parse(["--request", "/nowhere/at/all.json"])
        let failure = #expect(throws: CommandFailure.self) { try options.written() }
        #expect(failure?.status == .usage)
        #expect(failure?.message.contains("/nowhere/at/all.json") == true)
    }

    @Test(arguments: [
        [], ["--prompt", "p"], ["--model", "m", "--reference-video-seconds", "nan"],
        ["--model", "m", "--reference-video-seconds", "0"],
    ])
    func `options that make no request are refused`(arguments: [String]) {
        #expect(throws: (any Error).self) { try RequestOptions.parse(arguments) }
    }

    @Test func `the table names what a model needs before what it takes`() {
        let lines = Models.List.table([.upscaleSample]).lines(width: nil)
        #expect(lines[0].contains("TAKES"))
        #expect(lines[1].contains("video! upscale_factor"))
    }
}
