import Foundation

/// Real videos, made by ffmpeg once a run: each layout that an upstream may send.
enum SampleVideo: CaseIterable {
    case plain, fastStart, quickTime, silent
    /// With an index behind the fragments; with none; with one in front; with one before each of them.
    case fragmented, unmarkedFragments, indexedFragments, segments

    var arguments: [String] {
        switch self {
        case .plain: ["-c:a", "aac", "-f", "mp4"]
        case .fastStart: ["-c:a", "aac", "-movflags", "+faststart", "-f", "mp4"]
        case .quickTime: ["-c:a", "pcm_s16le", "-f", "mov"]
        case .silent: ["-an", "-f", "mp4"]
        case .fragmented: fragments("")
        case .unmarkedFragments: fragments("+skip_trailer")
        case .indexedFragments: fragments("+dash+global_sidx")
        case .segments: fragments("+dash+skip_trailer")
        }
    }

    var brand: String {
        switch self {
        case .quickTime: "qt  "
        case .plain, .fastStart, .silent, .fragmented, .unmarkedFragments: "isom"
        case .indexedFragments, .segments: "iso5"
        }
    }

    var isFragmented: Bool { [.fragmented, .unmarkedFragments, .indexedFragments, .segments].contains(self) }

    private func fragments(_ flags: String) -> [String] {
        ["-c:a", "aac", "-g", "4", "-movflags", "+frag_keyframe+empty_moov\(flags)", "-f", "mp4"]
    }

    var bytes: [UInt8] { Self.made[self]! }

    private static let made: [SampleVideo: [UInt8]] = Dictionary(
        uniqueKeysWithValues: allCases.map { ($0, try! $0.make()) })

    private func make() throws -> [UInt8] {
        let path = NSTemporaryDirectory() + "gondola-sample-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=192x108:rate=10:duration=1.5"]
            + ["-f", "lavfi", "-i", "sine=frequency=440:duration=1.5", "-c:v", "mpeg4"] + arguments + [path]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
        return try Array(Data(contentsOf: URL(fileURLWithPath: path)))
    }
}
