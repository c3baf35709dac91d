public import Foundation
public import JobLifecycle
public import VideoModels

/// A generator whose numbers depend on its seed alone (SplitMix64), so that a failing walk can be walked again.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(_ seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

extension Identifier {
    /// The same identifier for the same number; larger numbers are of later milliseconds.
    public static func sample(_ number: UInt64 = 1) -> Self {
        var generator = SeededGenerator(number)
        return Self(at: Date.sample.addingTimeInterval(Double(number) / 1000), using: &generator)
    }
}

extension Date {
    /// 2026-11-21 09:30:00.125 UTC
    public static let sample = Date(timeIntervalSince1970: 1_795_253_400.125)
}

extension Money {
    public static let sample = Money(usd: Decimal(string: "0.55")!)
}

extension Quotation {
    public static let sample = Quotation(price: .sample)
}

extension LeaseToken {
    public static let sample = LeaseToken(7)
}

extension Rendering {
    public static let sample = Rendering(
        price: .sample, model: "wan-2.5-preview-text-to-video", queueID: "q-1", submittedAt: .sample, usual: 90,
        polls: 2)
}

extension Receipt {
    public static let sample = Receipt(model: "wan-2.5-preview-text-to-video", queueID: "q-1", link: nil)
}

extension StoredVideo {
    public static let sample = StoredVideo(
        id: .sample(), key: "videos/1.mp4", contentType: "video/mp4", bytes: 4096,
        sha256: String(repeating: "ab", count: 32), durationSeconds: 5, width: 1280, height: 720, hasSound: true,
        frameRate: 24, videoCodec: "h264", audioCodec: "aac")
}

extension Delivery {
    public static let sample = Delivery(rendering: .sample, videoID: .sample(), isCleanedUp: false)
}

extension Failure {
    public static let sample = Failure(.contentPolicy, "The upstream refused the prompt.", refunded: true)
}

extension Setback {
    public static let sample = Setback(.unreachable, "connection refused")
}

extension VideoRequest {
    /// Fits `VideoModel.sample`.
    public static var sample: VideoRequest {
        var request = VideoRequest(model: VideoModel.sample.id, prompt: "A lighthouse in the storm")
        request.duration = "5s"
        request.resolution = "720p"
        request.aspectRatio = "16:9"
        return request
    }
}

extension VideoModel {
    /// Text to video, with sound that can be switched.
    public static let sample = VideoModel(
        id: "wan-2.5-preview-text-to-video", name: "Wan 2.5", kind: .known(.textToVideo), durations: ["5s", "10s"],
        resolutions: ["480p", "720p"], aspectRatios: ["16:9", "9:16"], sound: .known(.optional),
        promptCharacterLimit: 40)
    /// Needs a start frame.
    public static let imageSample = VideoModel(
        id: "kling-2.6-image-to-video", name: "Kling", kind: .known(.imageToVideo), durations: ["5s"],
        resolutions: [], aspectRatios: [], sound: .known(.always))
    /// Takes pictures that the prompt refers to, and a sound track.
    public static let referenceSample = VideoModel(
        id: "kling-o3-reference-to-video", name: "Kling O3", kind: .known(.imageToVideo), durations: ["5s"],
        resolutions: [], aspectRatios: ["16:9"], sound: .known(.none), media: ListedMedia(takesAudio: true))
    /// Makes a clip larger.
    public static let upscaleSample = VideoModel(
        id: "topaz-video-upscale", name: "Topaz", kind: .known(.videoToVideo), durations: ["Auto"],
        resolutions: ["2x", "4x"], aspectRatios: [], sound: .known(.none))
}

extension Job {
    public static let sample = Job(
        id: .sample(), status: .known(.waiting), request: .sample, createdAt: .sample, updatedAt: .sample)
}

extension Video {
    public static let sample = Video(
        id: .sample(), jobID: .sample(), model: "wan-2.5-preview-text-to-video", contentType: "video/mp4", bytes: 4096,
        sha256: String(repeating: "ab", count: 32), durationSeconds: 5, width: 1280, height: 720, hasSound: true,
        frameRate: 24, videoCodec: "h264", audioCodec: "aac", poster: .sample,
        preview: Picture(
            contentType: "image/webp", bytes: 90_000, sha256: String(repeating: "ef", count: 32), width: 320,
            height: 180),
        createdAt: .sample)
}

extension Video.Picture {
    public static let sample = Video.Picture(
        contentType: "image/jpeg", bytes: 40_000, sha256: String(repeating: "cd", count: 32), width: 720, height: 405)
}
