import Foundation
import Testing

@testable import VeniceSimulator

struct MediaTests {
    /// What ffprobe says about a file, decoding every frame of it.
    private func probe(_ file: URL) throws -> JSONValue {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "ffprobe", "-v", "error", "-count_frames", "-show_entries",
            "stream=codec_type,codec_name,width,height,nb_read_frames:format=duration", "-of", "json", file.path,
        ]
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        let complaints = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(String(decoding: complaints, as: UTF8.self) == "")
        return try #require(JSONValue.parse(said))
    }

    @Test(arguments: 0..<5)
    func `what a job delivers plays whole, with its own box at the end`(_ variant: Int) async throws {
        let shape = VideoShape(width: 360, height: 640, seconds: 1.5, sound: variant % 2 == 0)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("video.mp4")
        try VideoEncoder.find().encode(shape, variant: variant, to: file)
        let handle = try FileHandle(forWritingTo: file)
        try handle.seekToEnd()
        try handle.write(contentsOf: MediaFile(path: "", sharedLength: 0, prefix: .init(), queueID: "job-1").trailer)
        try handle.close()

        let facts = try probe(file)
        let streams = try #require(facts["streams"]?.array)
        let picture = try #require(streams.first { $0["codec_type"] == "video" })
        #expect(picture["codec_name"] == "h264")
        #expect(picture["width"] == 360 && picture["height"] == 640)
        #expect(picture["nb_read_frames"] == "36")
        #expect(streams.contains { $0["codec_type"] == "audio" } == shape.sound)
        let length = try #require(facts["format"]?["duration"]?.string.flatMap { Double($0) })
        #expect(abs(length - 1.5) < 0.1)
        #expect(try Data(contentsOf: file).suffix(5) == Data("job-1".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["video.mp4"])
    }

    @Test func `an encoding that cannot be leaves no file behind and says why`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let impossible = VideoShape(width: 0, height: 0, seconds: 1, sound: false)
        #expect(throws: VideoEncoder.Failed.self) {
            try VideoEncoder.find().encode(impossible, variant: 0, to: folder.appendingPathComponent("x.mp4"))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test(
        arguments: [
            .set(\.timeScale, 0), .set(\.timeScale, .nan), .set(\.chaosRate, 1.5), .set(\.port, 70_000),
            .set(\.queueLimitPerMinute, 0), .set(\.mediaVariants, 0), .set(\.renderLaw, RenderLaw(sigma: -1)),
        ] as [Bench.Change])
    func `a configuration that cannot be is refused at the start`(_ change: Bench.Change) async {
        await #expect(throws: InvalidConfiguration.self) { try await Bench.with(change) { _ in } }
    }
}
