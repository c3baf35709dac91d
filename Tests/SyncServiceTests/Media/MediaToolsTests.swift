import Foundation
import JobStore
import Testing

@testable import SyncService

@Suite(.timeLimit(.minutes(10))) struct MediaToolsTests {
    private func tools() throws -> MediaTools { try #require(MediaTools("ffmpeg")) }

    private func with(_ bytes: [UInt8], _ body: (MediaTools, String, String) async throws -> Void) async throws {
        try await withFolder { folder in
            let file = "\(folder)/it's $(a) video.mp4"
            try Data(bytes).write(to: URL(fileURLWithPath: file))
            try await body(try tools(), file, folder)
        }
    }

    private func size(_ path: String) throws -> (width: Int, height: Int) {
        try #require(PictureSize.find(in: Array(Data(contentsOf: URL(fileURLWithPath: path)))))
    }

    @Test func `facts of a real video`() async throws {
        try await with(try SmallVideo.bytes()) { tools, file, folder in
            let facts = try await tools.probe(file, in: folder)
            #expect(facts.width == 192 && facts.height == 108 && facts.frameRate == 25)
            #expect(facts.videoCodec == "h264" && facts.audioCodec == "aac" && facts.hasSound == true)
            #expect((1.9...2.2).contains(facts.durationSeconds ?? 0))
        }
    }

    @Test(arguments: [
        ("192x108", (192, 108), (192, 108)), ("1280x720", (720, 406), (320, 180)), ("90x1600", (40, 720), (18, 320)),
    ])
    func `pictures keep their proportions, are no larger than they should, and never enlarged`(
        _ given: String, _ poster: (Int, Int), _ preview: (Int, Int)
    ) async throws {
        try await with(try SmallVideo.bytes(given, sound: false)) { tools, file, folder in
            for (kind, wanted) in [(PictureKind.poster, poster), (.preview, preview)] {
                let drawn = try size(try await tools.draw(kind, of: file, in: folder))
                #expect(abs(drawn.width - wanted.0) <= 2 && abs(drawn.height - wanted.1) <= 2, "\(kind): \(drawn)")
            }
            let preview = try String(
                decoding: Data(contentsOf: URL(fileURLWithPath: "\(folder)/preview.webp")), as: UTF8.self)
            // Twenty pictures in two seconds.
            #expect(preview.components(separatedBy: "ANMF").count - 1 >= 15)
        }
    }

    /// Whatever they say, no demuxer but that of MP4 reads them, so that nothing is asked for.
    @Test func `a playlist in a video's clothes reaches nothing`() async throws {
        let listener = try Listening()
        let web = "http://127.0.0.1:\(listener.port)/x.ts"
        let playlists = [
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n\(web)\n#EXT-X-ENDLIST\n",
            "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n#EXTINF:5,\nconcat:\(web)|file:///etc/passwd\n",
            "ffconcat version 1.0\nfile '\(web)'\nfile '/etc/passwd'\n",
            "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><Period><AdaptationSet><Representation>"
                + "<BaseURL>\(web)</BaseURL></Representation></AdaptationSet></Period></MPD>",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video \(listener.port) RTP/AVP 96\n",
            "<asx version=\"3.0\"><entry><ref href=\"\(web)\"/></entry></asx>", "RTSPtext\(web)", "\(web)\n",
        ]
        for playlist in playlists {
            try await with(Array(playlist.utf8)) { tools, file, folder in
                await #expect(throws: LimitedProgram.Failed.self) { try await tools.probe(file, in: folder) }
                for kind in PictureKind.allCases {
                    await #expect(throws: LimitedProgram.Failed.self) {
                        try await tools.draw(kind, of: file, in: folder)
                    }
                }
            }
        }
        #expect(!listener.hasBeenReached)
    }

    @Test func `samples that lie in another file are not fetched`() async throws {
        let listener = try Listening()
        var bytes = try SmallVideo.bytes(sound: false)
        // The flag that says "in this file" goes, so that the reference counts; its text does not fit, and its bytes do.
        let url = try #require(bytes.firstRange(of: Array("url ".utf8))).upperBound
        bytes[url + 3] = 0
        try await with(bytes) { tools, file, folder in _ = try? await tools.draw(.poster, of: file, in: folder) }
        #expect(!listener.hasBeenReached)
    }

    @Test func `broken files are refused with words, and none holds up`() async throws {
        let good = try SmallVideo.bytes()
        var huge = Array(good.prefix(32))
        huge += [0, 0, 0, 1] + Array("moov".utf8) + [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
        let deep = (0..<4000).reduce(into: [UInt8]()) { bytes, _ in
            bytes += [0x7f, 0xff, 0xff, 0xff] + Array("trak".utf8)
        }
        let broken: [[UInt8]] = [
            [], [0], Array(repeating: 0, count: 1 << 20), Array(good.prefix(100)), Array(good.prefix(good.count / 2)),
            huge,
            Array(good.prefix(32)) + deep, Array("<html>no video</html>".utf8),
        ]
        for bytes in broken {
            try await with(bytes) { tools, file, folder in
                await #expect(throws: LimitedProgram.Failed.self) { try await tools.probe(file, in: folder) }
            }
        }
    }

    @Test func `a file of a terabyte of nothing is not read to its end`() async throws {
        try await with(Array(try SmallVideo.bytes().prefix(32))) { tools, file, folder in
            truncate(file, 1 << 40)
            await #expect(throws: LimitedProgram.Failed.self) { try await tools.probe(file, in: folder) }
        }
    }

    @Test func `without ffmpeg there are no tools`() {
        #expect(MediaTools("none") == nil)
        #expect(MediaTools("/nowhere/ffmpeg") == nil)
        #expect(MediaTools("ffmpeg", path: "/nowhere:/nowhere2") == nil)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"streams":[]}"#, #"{"streams":[{"codec_type":"audio"}]}"#,
        #"{"streams":[{"codec_type":"video","disposition":{"attached_pic":1}}]}"#,
    ])
    func `an answer without a picture is none`(_ json: String) {
        #expect(throws: LimitedProgram.Failed.self) { try MediaFacts(probed: Data(json.utf8)) }
    }

    @Test func `facts out of all proportion are as good as not told`() throws {
        let json = #"""
            {"streams":[{"codec_type":"video","codec_name":"a b","width":-5,"height":9999999,"avg_frame_rate":"1/0"}],
             "format":{"duration":"inf"}}
            """#
        #expect(try MediaFacts(probed: Data(json.utf8)) == MediaFacts(hasSound: false))
    }
}

/// A socket that nobody should connect to.
private final class Listening: Sendable {
    private let file: CInt
    let port: UInt16

    init() throws {
        file = socket(AF_INET, Int32(SOCK_STREAM.rawValue | UInt32(SOCK_NONBLOCK.rawValue)), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let file = file
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(file, address, length) + listen(file, 16) + getsockname(file, address, &length)
            }
        }
        guard code == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(file) }

    /// A connection waits to be accepted, whether or not its other end is gone again.
    var hasBeenReached: Bool {
        let connection = accept(file, nil, nil)
        if connection >= 0 { close(connection) }
        return connection >= 0
    }
}
