import TestSupport
import Testing
import VideoModels

/// The tables of PROTOCOL §14 and §15, row by row.
@Suite struct ModelFamilyTests {
    static func inputs(
        _ id: String, _ kind: VideoModel.Kind = .imageToVideo, durations: [String] = ["5s"],
        media: ListedMedia = ListedMedia()
    ) -> [String: ModelInput] {
        ModelFamily(id: id, kind: .known(kind)).inputs(durations: durations, sound: .known(.always), media: media)
    }

    struct Caps: Sendable, CustomTestStringConvertible {
        var id: String
        var images: Int
        var videos: Int?
        var audios: Int?
        var documents: Int?
        /// Of a clip: shortest, longest, all together.
        var seconds: [Double]?
        var megabytes: Int?
        var testDescription: String { id }
    }

    static let caps: [Caps] = [
        Caps(
            id: "seedance-2-0-reference-to-video-basic", images: 9, videos: 3, audios: 3, seconds: [2, 15, 15],
            megabytes: 50),
        Caps(
            id: "seedance-2-0-fast-reference-to-video-basic", images: 9, videos: 3, audios: 3, seconds: [2, 15, 15],
            megabytes: 50),
        Caps(
            id: "seedance-2-0-mini-reference-to-video-basic", images: 9, videos: 3, audios: 3, seconds: [2, 15, 15],
            megabytes: 50),
        Caps(
            id: "seedance-2-5-reference-to-video-basic", images: 30, videos: 10, audios: 10, seconds: [2, 30, 30],
            megabytes: 50),
        Caps(
            id: "seedance-2-5-us-reference-to-video-private", images: 30, videos: 10, audios: 10, seconds: [2, 30, 30],
            megabytes: 200),
        Caps(
            id: "wan-3-0-reference-to-video", images: 10, videos: 5, audios: 5, documents: 1, seconds: [1, 15, 15],
            megabytes: 100),
        Caps(
            id: "wan-3-0-fast-reference-to-video", images: 10, videos: 5, audios: 5, documents: 1,
            seconds: [1, 15, 15], megabytes: 100),
        Caps(
            id: "minimax-h3-reference-to-video", images: 9, videos: 3, audios: 3, seconds: [2, 15, 15], megabytes: 50),
        Caps(
            id: "minimax-h3-max-reference-to-video", images: 9, videos: 3, audios: 3, seconds: [2, 15, 15],
            megabytes: 50),
        Caps(id: "minimax-h3-enhanced-reference-to-video", images: 9, audios: 3),
        Caps(id: "kling-o3-standard-reference-to-video", images: 4),
        Caps(id: "kling-o3-pro-reference-to-video", images: 4),
        Caps(id: "kling-v3-4k-reference-to-video", images: 4), Caps(id: "kling-o3-4k-reference-to-video", images: 7),
        Caps(id: "pixverse-c1-reference-to-video", images: 7),
        Caps(id: "grok-imagine-reference-to-video-private", images: 7),
        Caps(id: "grok-imagine-1-5-reference-to-video-private", images: 7),
        Caps(id: "gemini-omni-flash-1-1-reference-to-video", images: 10),
        Caps(id: "gemini-omni-flash-reference-to-video", images: 3),
        Caps(id: "happyhorse-1-0-reference-to-video", images: 4),
        Caps(id: "nobody-knows-reference-to-video", images: 4),
    ]

    @Test(arguments: caps) func `a family has its caps`(row: Caps) {
        let inputs = Self.inputs(row.id)
        #expect(inputs["reference_images"]?.most == row.images)
        #expect(inputs["reference_videos"]?.most == row.videos)
        #expect(inputs["reference_audios"]?.most == row.audios)
        #expect(inputs["reference_documents"]?.most == row.documents)
        #expect(inputs["reference_documents"]?.mostBytes == row.documents.map { _ in 100 << 20 })
        let clips = inputs["reference_videos"]
        #expect(
            clips.map { [$0.shortestSeconds, $0.longestSeconds, $0.totalSeconds].compactMap(\.self) } == row.seconds)
        #expect(clips?.mostBytes == row.megabytes.map { $0 << 20 })
        #expect(inputs["reference_video_seconds"]?.longestSeconds == row.seconds?.last)
        #expect(inputs["reference_audios"]?.mostBytes == row.audios.map { _ in 15 << 20 })
    }

    @Test func `elements and scenes are Kling's`() {
        for id in [
            "kling-o3-standard-reference-to-video", "kling-o3-4k-reference-to-video", "kling-v3-4k-reference-to-video",
        ] {
            #expect(Self.inputs(id)["elements"]?.most == 4 && Self.inputs(id)["scene_images"]?.most == 4)
        }
        for id in [
            "kling-o3-pro-image-to-video", "kling-2.6-pro-image-to-video", "grok-imagine-reference-to-video-private",
        ] {
            #expect(Self.inputs(id)["elements"] == nil && Self.inputs(id)["scene_images"] == nil)
        }
    }

    @Test func `seedance matches its source where the table says so, and nowhere else`() {
        let long = Self.inputs("seedance-2-5-reference-to-video-basic")
        #expect(long["duration"]?.options == ["-1", "auto"])
        #expect(long["aspect_ratio"]?.options == ["adaptive", "auto"])
        #expect(long["reference_task"]?.options == ["auto", "reference", "edit", "extend"])
        let short = Self.inputs("seedance-2-0-fast-reference-to-video-basic")
        #expect(short["aspect_ratio"]?.options == ["adaptive", "auto"])
        #expect(short["duration"] == nil && short["reference_task"] == nil)
        for id in ["seedance-2-5-us-reference-to-video-private", "seedance-2-5-image-to-video-basic"] {
            let inputs = Self.inputs(id)
            #expect(inputs["duration"] == nil && inputs["aspect_ratio"] == nil && inputs["reference_task"] == nil)
        }
    }

    @Test func `the bitrate is seedance 2's`() {
        for id in [
            "seedance-2-0-text-to-video-basic", "seedance-2-5-image-to-video-basic",
            "seedance-2-0-reference-to-video-basic",
        ] {
            #expect(Self.inputs(id)["bitrate"]?.options == ["standard", "high"], "\(id)")
        }
        #expect(Self.inputs("seedance-1-5-pro-image-to-video-basic")["bitrate"] == nil)
    }

    @Test func `an upscaler takes a clip and a factor alone`() {
        let inputs = Self.inputs("topaz-video-upscale", .videoToVideo, durations: ["Auto"])
        #expect(Set(inputs.keys) == ["video", "upscale_factor"])
        #expect(inputs["video"]?.need == .known(.required) && inputs["video"]?.longestSeconds == 300)
        #expect(inputs["upscale_factor"] == ModelInput(options: ["1", "2", "4"]))
    }

    @Test func `the camera goes around one picture, and the prompt may stay out`() {
        let inputs = Self.inputs("minimax-h3-max-multi-angle")
        #expect(inputs["camera_path"] == ModelInput(least: 2, most: 12))
        #expect(inputs["image"]?.need == .known(.required) && inputs["prompt"]?.need == .known(.optional))
        #expect(inputs["end_image"] == nil && inputs["reference_images"] == nil)
        #expect(VideoModel.recorded.allSatisfy { !$0.takes(.cameraPath) })
    }

    @Test(arguments: [
        ("pixverse-c1-transition", "required"), ("pixverse-v5.6-transition", "required"),
        ("flux-3-first-last-frame-to-video", "required"), ("wan-2.6-image-to-video", "perhaps"),
        ("kling-o3-pro-reference-to-video", "perhaps"), ("longcat-image-to-video", "perhaps"),
    ])
    func `the end frame is needed by transitions, and open elsewhere`(id: String, need: String) {
        #expect(Self.inputs(id)["end_image"]?.need.word == need)
        #expect(Self.inputs(id, .textToVideo)["end_image"] == nil)
    }

    @Test func `the listing's flags open their fields`() {
        let plain = Self.inputs("a-text-to-video", .textToVideo)
        #expect(Set(plain.keys) == ["prompt", "negative_prompt", "voice"])
        let media = ListedMedia(
            takesAudio: true, takesVideo: true, takesReferenceAudio: true, shortestSidePixels: 300, leastRatio: 0.4,
            mostRatio: 2.5)
        let inputs = Self.inputs("a-reference-to-video", media: media)
        #expect(inputs["audio_track"]?.longestSeconds == 30 && inputs["audio_track"]?.mostBytes == 15 << 20)
        #expect(inputs["video"]?.need == .known(.optional))
        #expect(inputs["video_references"] != nil)
        #expect(inputs["image"]?.shortestSidePixels == 300 && inputs["reference_images"]?.mostRatio == 2.5)
        #expect(Self.inputs("wan-2-7-text-to-video", .textToVideo, media: media)["audio_track"]?.shortestSeconds == 3)
    }

    @Test func `the length of a video-to-video model follows its source, or is given as text`() {
        let inputs = Self.inputs("wan-2-7-video-to-video", .videoToVideo, durations: ["Auto"])
        #expect(inputs["duration"] == ModelInput(longestSeconds: 300))
        #expect(inputs["video"]?.need == .known(.required) && inputs["prompt"]?.need == .known(.required))
        #expect(Self.inputs("grok-imagine-video-to-video-private", .videoToVideo)["duration"] == nil)
    }

    @Test func `a silent model has no voice, and a kind that came later may take anything of its pictures`() {
        let silent = ModelFamily(id: "a", kind: .known(.textToVideo)).inputs(durations: ["5s"], sound: .known(.none))
        #expect(silent["voice"] == nil)
        let later = ModelFamily(id: "a", kind: .unknown("hologram")).inputs(durations: ["5s"], sound: .known(.none))
        for field in ["prompt", "image", "video", "reference_images"] {
            #expect(later[field]?.need == .known(.optional), "\(field)")
        }
        #expect(later["end_image"]?.need == .known(.perhaps))
    }
}
