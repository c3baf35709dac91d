import Foundation

/// Pictures made and videos read with the programs of FFmpeg.
enum DemoMedia {
    /// A still of 640 × 360 from a test source.
    static func makePicture(at path: String) async throws {
        let arguments = ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=1"]
        _ = try await Tool(name: "ffmpeg").run(arguments + ["-frames:v", "1", "-f", "image2", "-c:v", "png", path])
    }

    /// What ffprobe finds in a video.
    struct Facts: Equatable {
        var seconds: Double
        var width: Int
        var height: Int
    }

    static func probe(_ path: String) async throws -> Facts {
        let output = try await Tool(name: "ffprobe").run([
            "-v", "error", "-of", "json", "-show_entries", "format=duration:stream=width,height,codec_type", path,
        ])
        return try facts(from: output, path: path)
    }

    static func facts(from json: Data, path: String) throws -> Facts {
        struct Answer: Decodable {
            struct Stream: Decodable {
                var kind: String?
                var width: Int?
                var height: Int?

                enum CodingKeys: String, CodingKey {
                    case width, height
                    case kind = "codec_type"
                }
            }
            struct Format: Decodable { var duration: String? }
            var streams: [Stream]
            var format: Format
        }
        guard let answer = try? JSONDecoder().decode(Answer.self, from: json),
            let picture = answer.streams.first(where: { $0.kind == "video" }), let width = picture.width,
            let height = picture.height, width > 0, height > 0,
            let seconds = answer.format.duration.flatMap({ Double($0) }), seconds > 0
        else { throw CommandFailure(.failed, "\(path): ffprobe finds no whole video in it") }
        return Facts(seconds: seconds, width: width, height: height)
    }
}
