import Foundation
import Synchronization

/// Makes a real, playable MP4 with ffmpeg's test sources.
final class VideoEncoder: Sendable {
    let ffmpeg: String
    /// The id of the ffmpeg that runs, or 0; -1 once no other may start.
    private let running = Mutex<pid_t>(0)

    init(ffmpeg: String) { self.ffmpeg = ffmpeg }

    struct Failed: Error, CustomStringConvertible {
        var description: String
    }

    /// Looks for ffmpeg in `PATH`.
    static func find() throws -> VideoEncoder {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        for folder in path.split(separator: ":") {
            let candidate = "\(folder)/ffmpeg"
            if FileManager.default.isExecutableFile(atPath: candidate) { return VideoEncoder(ffmpeg: candidate) }
        }
        throw Failed(
            description:
                "ffmpeg was not found in PATH; the simulator makes its videos with it (Debian: apt install ffmpeg)")
    }

    /// Encodes into `url`, which appears whole or not at all. Blocks for seconds.
    func encode(_ shape: VideoShape, variant: Int, to url: URL) throws {
        let partial = url.deletingPathExtension().appendingPathExtension("partial-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: partial) }
        try run(arguments(shape, variant) + [partial.path])
        // A link and no rename: where somebody else was quicker their file stays, since its length may be known already.
        guard link(partial.path, url.path) == 0 || errno == EEXIST else {
            throw Failed(
                description: "cannot move a finished video to \(url.path): \(String(cString: strerror(errno)))")
        }
    }

    private func arguments(_ shape: VideoShape, _ variant: Int) -> [String] {
        // The picture is drawn small and enlarged: drawing fractals at 4K takes longer than the video lasts.
        let shrink = max(1, (max(shape.width, shape.height) + 639) / 640)
        let (width, height) = (shape.width / shrink / 2 * 2, shape.height / shrink / 2 * 2)
        var arguments = ["-nostdin", "-v", "error", "-f", "lavfi", "-i", Self.picture(width, height, variant)]
        if shape.sound {
            arguments += ["-f", "lavfi", "-i", "sine=frequency=\(220 + 110 * (variant % 8)):sample_rate=44100"]
        }
        // Bounded in processor time too: no encoding here takes minutes.
        arguments += ["-timelimit", "300", "-t", "\(shape.seconds)", "-map_metadata", "-1", "-movflags", "+faststart"]
        arguments += ["-vf", "scale=\(shape.width):\(shape.height):flags=neighbor,setsar=1,format=yuv420p"]
        arguments += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "28"]
        arguments += ["-maxrate", "1500k", "-bufsize", "1500k", "-threads", "2"]
        if shape.sound { arguments += ["-c:a", "aac", "-b:a", "64k"] }
        return arguments + ["-f", "mp4", "-y"]
    }

    private static func picture(_ width: Int, _ height: Int, _ variant: Int) -> String {
        let format = "s=\(width)x\(height):r=\(VideoShape.framesPerSecond)"
        return switch variant % 5 {
        case 0: "testsrc2=\(format)"
        case 1: "gradients=\(format):seed=\(variant):speed=0.02"
        case 2: "life=\(format):seed=\(variant):mold=10:ratio=0.1:death_color=#C83232:life_color=#00ff00"
        case 3: "mandelbrot=\(format):start_scale=\(3.0 / Double(1 + variant))"
        default: "cellauto=\(format):rule=110:random_seed=\(variant)"
        }
    }

    /// Ends the ffmpeg that runs, and starts no other.
    func cancel() {
        running.withLock { process in
            if process > 0 { kill(process, SIGTERM) }
            process = -1
        }
    }

    private func run(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: ffmpeg)
        process.arguments = arguments
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try running.withLock { running in
            guard running == 0 else { throw Failed(description: "the encoder has been closed") }
            try process.run()
            running = process.processIdentifier
        }
        let said = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        running.withLock { if $0 > 0 { $0 = 0 } }
        guard process.terminationStatus == 0 else {
            let text = String(decoding: said.suffix(2_000), as: UTF8.self)
            throw Failed(description: "ffmpeg ended with \(process.terminationStatus): \(text)")
        }
    }
}
