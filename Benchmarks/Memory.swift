import ArgumentParser
import Foundation
import HTTPTransport
import ObjectStorage
import VeniceTransport
import VideoModels

/// How much memory grows while something large passes through.
struct Memory: AsyncParsableCommand {
    enum Subject: String, ExpressibleByArgument, CaseIterable {
        /// A video from a retrieve, read and dropped.
        case retrieve
        /// A video from a retrieve into the object store, checked there, and removed.
        case store
        /// A file that goes out as base64.
        case upload
        /// JSON without end where a small answer belongs.
        case json
    }

    static let configuration = CommandConfiguration(
        abstract: "Growth of memory while something large passes through.",
        discussion: "The peak of the resident set since the passage began, less what it was before, after one of 8 MiB."
    )

    @Argument(help: "retrieve, store, upload or json.") var subject: Subject
    @Option(help: "How large it is.") var mebibytes = 2048
    @Option(help: "How much memory may grow.") var limitMebibytes = 32
    @Option(help: "Where files are written for a while.") var folder = NSTemporaryDirectory()

    func run() async throws {
        try await pass(mebibytes: 8)
        try ResidentMemory.forgetPeak()
        let before = try ResidentMemory.read("VmRSS")
        let time = try await seconds(rounds: 1) { try await pass(mebibytes: mebibytes) }
        let peak = try ResidentMemory.read("VmHWM")
        let grown = max(0, peak - before)
        // JSON is given up at a bound, so nothing of that size moves.
        let rate = subject == .json ? "" : "; \(Int(Double(mebibytes) / time)) MiB/s"
        print(
            "memory \(subject.rawValue) \(mebibytes) MiB: \(before >> 10) MiB before, peak \(peak >> 10) MiB, "
                + "grown by \(grown >> 10) MiB (limit \(limitMebibytes))\(rate)")
        if grown > limitMebibytes << 10 { throw ExitCode.failure }
    }

    private func pass(mebibytes: Int) async throws {
        switch subject {
        case .retrieve:
            let stream = try await Self.retrieve(LargeVideo(mebibytes: mebibytes))
            var count = 0
            for try await chunk in stream.body { count += chunk.count }
            guard count == stream.announcedLength else { throw ValidationError("\(count) bytes arrived") }
        case .store: try await store(LargeVideo(mebibytes: mebibytes))
        case .upload: try await upload(mebibytes: mebibytes)
        case .json: try await json(mebibytes: mebibytes)
        }
    }

    /// One for all: it stops what runs when it goes.
    private static let http = CurlHTTPClient(.direct)

    private static func retrieve(_ video: LargeVideo) async throws -> VideoStream {
        let server = try LoopbackServer { connection in
            connection.drainRequest()
            video.send(on: connection)
        }
        let client = VeniceClient(
            VeniceAccount(id: "bench", baseURL: server.url, key: Redacted("key")), http: http)
        guard case .video(let stream) = try await client.retrieve(model: "m", queueID: "q") else {
            throw ValidationError("no video")
        }
        return stream
    }

    private func store(_ video: LargeVideo) async throws {
        let root = folder + "/gondola-bench-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let objects = try LocalObjectStore(root: root)
        let stream = try await Self.retrieve(video)
        let staged = try await objects.stage(
            expecting: stream.announcedLength.map(Int64.init), atMost: 1 << 40, body: stream.body)
        let facts = try await VideoFileCheck.facts(ofFileAt: staged.path, isEndMarked: false)
        guard facts.width == 640 else { throw ValidationError("another video arrived") }
        await objects.discard(staged)
    }

    private func upload(mebibytes: Int) async throws {
        let path = folder + "/gondola-bench-\(getpid())"
        defer { unlink(path) }
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        guard truncate(path, off_t(mebibytes) << 20) == 0 else { throw POSIXError(.EIO) }
        let server = try LoopbackServer { connection in
            connection.drainRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let parts: [HTTPRequest.Part] = [.file(path: path, encoding: .base64)]
        let request = HTTPRequest("POST", server.url, body: .parts(parts))
        _ = try await Self.http.send(request).body.collect(upTo: 0)
    }

    private func json(mebibytes: Int) async throws {
        let server = try LoopbackServer { connection in
            connection.drainRequest()
            connection.send(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(mebibytes << 20)\r\n\r\n")
            connection.send(#"{"status":""#)
            let block = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 10)
            var left = mebibytes << 20
            while left > 0, connection.send(block) { left -= block.count }
        }
        let client = VeniceClient(
            VeniceAccount(id: "bench", baseURL: server.url, key: Redacted("key")), http: Self.http)
        do throws(VeniceError) {
            _ = try await client.retrieve(model: "m", queueID: "q")
        } catch .unexpectedAnswer {
            return
        }
        throw ValidationError("JSON without end was read")
    }
}

/// A video of one track whose one chunk of samples is as large as one likes: headers, zeros, and the tables behind them.
struct LargeVideo: Sendable {
    private let head: [UInt8]
    private let mebibytes: Int
    private let tail: [UInt8]

    init(mebibytes: Int) {
        self.mebibytes = mebibytes
        let media = mebibytes << 20
        head =
            Self.box("ftyp", Array("isom0000".utf8)) + Self.big(UInt32(1)) + Array("mdat".utf8)
            + Self.big(UInt64(media + 16))
        let start = UInt32(head.count)
        let sizes = Self.box("stsz", Self.big(UInt32(0)) + Self.big(UInt32(1 << 20)) + Self.big(UInt32(mebibytes)))
        let chunks = Self.box("stco", Self.big(UInt32(0)) + Self.big(UInt32(1)) + Self.big(start))
        let times = [UInt8](repeating: 0, count: 12) + Self.big(UInt32(1)) + Self.big(UInt32(mebibytes)) + [0, 0, 0, 0]
        let handler = Self.box("hdlr", [UInt8](repeating: 0, count: 8) + Array("vide".utf8))
        let tables = Self.box("minf", Self.box("stbl", sizes + chunks))
        let size = [UInt8](repeating: 0, count: 76) + Self.big(UInt32(640 << 16)) + Self.big(UInt32(360 << 16))
        let track = Self.box(
            "trak", Self.box("tkhd", size) + Self.box("mdia", Self.box("mdhd", times) + handler + tables))
        tail = Self.box("moov", Self.box("mvhd", times) + track)
    }

    func send(on connection: LoopbackConnection) {
        let length = head.count + (mebibytes << 20) + tail.count
        connection.send("HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: \(length)\r\n\r\n")
        connection.send(head)
        let block = [UInt8](repeating: 0, count: 1 << 16)
        for _ in 0..<mebibytes << 4 where !connection.send(block) { return }
        connection.send(tail)
    }

    private static func big<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    private static func box(_ type: String, _ payload: [UInt8]) -> [UInt8] {
        big(UInt32(8 + payload.count)) + Array(type.utf8) + payload
    }
}

/// What Linux says of this process's memory, in KiB.
enum ResidentMemory {
    static func read(_ field: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix(field + ":") }
        guard let words = line?.split(whereSeparator: \.isWhitespace), words.count == 3, let value = Int(words[1])
        else {
            throw ValidationError("/proc/self/status does not say \(field)")
        }
        return value
    }

    /// Makes the peak what is held now.
    static func forgetPeak() throws {
        guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { throw POSIXError(.EACCES) }
        try file.write(contentsOf: Data("5".utf8))
    }
}
