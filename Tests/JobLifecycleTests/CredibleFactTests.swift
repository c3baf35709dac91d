import JobLifecycle
import TestSupport
import Testing
import VideoModels

@Suite struct CredibleFactTests {
    private func video(seconds: Double?, side: Int?, rate: Double?, codec: String?) -> StoredVideo {
        StoredVideo(
            id: .sample(), key: "k", contentType: "video/mp4", bytes: 1, sha256: "", durationSeconds: seconds,
            width: side, height: side, frameRate: rate, videoCodec: codec, audioCodec: codec)
    }

    @Test func `what a video says of itself is kept where it can be`() {
        let stored = video(seconds: 5.5, side: 1080, rate: 23.976, codec: "h264")
        #expect(stored.durationSeconds == 5.5 && stored.width == 1080 && stored.height == 1080)
        #expect(stored.frameRate == 23.976 && stored.videoCodec == "h264" && stored.audioCodec == "h264")
    }

    @Test(arguments: [
        (Double.nan, 0, 0.0, ""), (.infinity, -1, .nan, String(repeating: "x", count: 41)),
        (-1, .max, 0.0004, "a\u{0}"),
        (1e300, 1 << 31, .infinity, "h264\n"), (-.infinity, .min, -24, "é"),
    ])
    func `what cannot be is left out, and nothing else with it`(
        _ seconds: Double, _ side: Int, _ rate: Double, _ codec: String
    ) {
        let stored = video(seconds: seconds, side: side, rate: rate, codec: codec)
        #expect(stored == video(seconds: nil, side: nil, rate: nil, codec: nil))
    }
}
