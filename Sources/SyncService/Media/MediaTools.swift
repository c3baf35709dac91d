import Foundation
import JobStore

/// ffprobe and ffmpeg, asked so that a hostile file can neither reach out nor hold up: the container is named and not
/// guessed, so that a playlist stays a file of nonsense; the only protocol is that of plain files, and references from one
/// file to another are not followed.
struct MediaTools: Sendable {
    var ffmpeg: String
    var ffprobe: String
    var probing = LimitedProgram.Limits(seconds: 20, memory: 1 << 30, output: 1 << 20)
    var drawing = LimitedProgram.Limits(seconds: 90, memory: 3 << 30, output: 4 << 20)

    /// Pixels on the longer side.
    static let posterSide = 720
    static let previewSide = 320

    init(ffmpeg: String, ffprobe: String) { (self.ffmpeg, self.ffprobe) = (ffmpeg, ffprobe) }

    /// Finds the programs: a path, or a name to look for in `PATH`. Nil for `none`, or where one of them is missing.
    init?(_ setting: String, path: String = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin") {
        guard setting != "none" else { return nil }
        let folders = path.split(separator: ":")
        let candidates = setting.contains("/") ? [setting] : folders.map { "\($0)/\(setting)" }
        guard let ffmpeg = candidates.first(where: FileManager.default.isExecutableFile) else { return nil }
        let probe = ffmpeg.prefix(through: ffmpeg.lastIndex(of: "/") ?? ffmpeg.startIndex) + "ffprobe"
        guard FileManager.default.isExecutableFile(atPath: String(probe)) else { return nil }
        self.init(ffmpeg: ffmpeg, ffprobe: String(probe))
    }

    private static let guarded = [
        "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", "mov", "-f", "mov", "-enable_drefs", "0",
        "-use_absolute_path", "0", "-max_alloc", "536870912",
    ]

    /// What the file says of itself.
    func probe(_ file: String, in folder: String) async throws -> MediaFacts {
        let words =
            [ffprobe] + Self.guarded + [
                "-show_entries",
                "format=duration:stream=codec_type,codec_name,width,height,avg_frame_rate:stream_disposition=attached_pic",
                "-of", "json", "file:\(file)",
            ]
        return try MediaFacts(probed: try await LimitedProgram(limits: probing, folder: folder).run(words))
    }

    /// Makes a picture; returns its file in `folder`.
    func draw(_ kind: PictureKind, of file: String, in folder: String) async throws -> String {
        let target = "\(folder)/\(kind.rawValue).\(kind.fileExtension)"
        let words =
            [ffmpeg, "-nostdin", "-threads", "1"] + Self.guarded
            + (kind == .preview ? ["-t", "3"] : []) + ["-i", "file:\(file)", "-map", "0:v:0", "-an", "-sn", "-dn"]
            + ["-map_metadata", "-1", "-threads", "1"] + Self.drawing(kind) + ["-y", "file:\(target)"]
        _ = try await LimitedProgram(limits: drawing, folder: folder).run(words)
        return target
    }

    private static func drawing(_ kind: PictureKind) -> [String] {
        switch kind {
        case .poster:
            // Of the first second the picture that is most like the others: rarely the black that a film begins with.
            [
                "-vf", "\(scale(posterSide)),thumbnail=24", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "4", "-f",
                "image2",
            ]
                + ["-update", "1"]
        case .preview:
            [
                "-vf", "fps=10,\(scale(previewSide))", "-c:v", "libwebp_anim", "-quality", "60", "-loop", "0", "-f",
                "webp",
            ]
        }
    }

    /// The longer side has at most so many pixels, and nothing is enlarged.
    private static func scale(_ side: Int) -> String {
        "scale=w='if(gte(iw,ih),min(\(side),iw),-2)':h='if(gte(iw,ih),-2,min(\(side),ih))',setsar=1,format=yuv420p"
    }
}

extension MediaFacts {
    private struct Probed: Decodable {
        var streams: [Stream]?
        var format: Format?

        struct Format: Decodable { var duration: String? }

        struct Stream: Decodable {
            var codecType: String?
            var codecName: String?
            var width: Int?
            var height: Int?
            var averageFrameRate: String?
            var disposition: [String: Int]?

            enum CodingKeys: String, CodingKey {
                case width, height, disposition
                case codecType = "codec_type"
                case codecName = "codec_name"
                case averageFrameRate = "avg_frame_rate"
            }
        }
    }

    /// Reads ffprobe's JSON. What is out of all proportion is as good as not told.
    init(probed json: Data) throws {
        let found: Probed
        do { found = try JSONDecoder().decode(Probed.self, from: json) } catch {
            throw LimitedProgram.Failed(words: "ffprobe answered what cannot be read")
        }
        let streams = (found.streams ?? []).filter { $0.disposition?["attached_pic"] != 1 }
        guard let picture = streams.first(where: { $0.codecType == "video" }) else {
            throw LimitedProgram.Failed(words: "there is no picture in it")
        }
        let sound = streams.first { $0.codecType == "audio" }
        func within<Number: Comparable>(_ value: Number?, _ range: ClosedRange<Number>) -> Number? {
            value.flatMap { range.contains($0) ? $0 : nil }
        }
        self.init(
            durationSeconds: within(found.format?.duration.flatMap(Double.init), 0.001...1e6),
            width: within(picture.width, 1...32_768), height: within(picture.height, 1...32_768),
            hasSound: sound != nil,
            frameRate: within(picture.averageFrameRate.flatMap(Self.ratio), 0.001...1000),
            videoCodec: picture.codecName.flatMap(Self.word), audioCodec: sound?.codecName.flatMap(Self.word))
    }

    /// `30000/1001`
    private static func ratio(_ text: String) -> Double? {
        let parts = text.split(separator: "/").map { Double($0) }
        guard parts.count == 2, let above = parts[0], let below = parts[1], below > 0 else { return nil }
        return (above / below * 1000).rounded() / 1000
    }

    private static func word(_ text: String) -> String? {
        (1...40).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) } ? text : nil
    }
}
