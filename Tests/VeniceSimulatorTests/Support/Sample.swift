import Foundation

@testable import VeniceSimulator

/// Media just real enough to be recognised, and request bodies that are right for a model.
enum Sample {
    static let key = "VENICE_INFERENCE_KEY_sample"
    /// Of the same user.
    static let adminKey = "VENICE_ADMIN_KEY_sample"

    static func png(_ width: Int, _ height: Int) -> Data {
        Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]) + Data("IHDR".utf8)
            + big(width, 4) + big(height, 4) + Data([8, 2, 0, 0, 0])
    }

    static func jpeg(_ width: Int, _ height: Int) -> Data {
        Data([0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 0, 0, 0xFF, 0xC0, 0, 17, 8]) + big(height, 2) + big(width, 2)
            + Data(count: 12)
    }

    static func webp(_ width: Int, _ height: Int) -> Data {
        Data("RIFF".utf8) + Data(count: 4) + Data("WEBPVP8X".utf8) + Data(count: 8) + little(width - 1, 3)
            + little(height - 1, 3)
    }

    static let mp4 = Data([0, 0, 0, 16]) + Data("ftypisom".utf8) + Data(count: 4)
    static let wav = Data("RIFF".utf8) + Data(count: 4) + Data("WAVEfmt ".utf8)

    /// A movie header that says how long the clip is.
    static func mp4(seconds: Double) -> Data {
        let header = Data(count: 12) + big(1_000, 4) + big(Int(seconds * 1_000), 4) + Data(count: 80)
        return mp4 + box("moov", box("mvhd", header))
    }

    /// Eight bits at 8 kHz: a second has 8,000 bytes, of which only the size is told.
    static func wav(seconds: Double) -> Data {
        wav + little(16, 4) + Data([1, 0, 1, 0]) + little(8_000, 4) + little(8_000, 4) + Data([1, 0, 8, 0])
            + Data("data".utf8) + little(Int(seconds * 8_000), 4)
    }

    private static func box(_ type: String, _ content: Data) -> Data {
        big(8 + content.count, 4) + Data(type.utf8) + content
    }

    static func dataURL(_ type: String, _ bytes: Data) -> String {
        "data:\(type);base64,\(bytes.base64EncodedString())"
    }

    static let picture = JSONValue.string(dataURL("image/png", png(640, 480)))
    static let clip = JSONValue.string(dataURL("video/mp4", mp4))

    /// A body that the model must accept, with nothing in it that it could do without.
    static func body(_ model: VideoModel, _ family: ModelFamily) -> [String: JSONValue] {
        var body: [String: JSONValue] = ["model": .string(model.id)]
        if family.prompt == .required { body["prompt"] = "A gondola in the fog" }
        if !model.followsSource { body["duration"] = model.durations.first.map { .string($0) } }
        if let ratio = model.aspectRatios.first { body["aspect_ratio"] = .string(ratio) }
        if family.imageURL == .required { body["image_url"] = picture }
        if family.endImageURL == .required { body["end_image_url"] = picture }
        if family.videoURL == .required { body["video_url"] = clip }
        if family.kind == .reference { body["reference_image_urls"] = [picture] }
        return body
    }

    /// What a quote of `quick` wants to know.
    static let quickQuote: JSONValue = [
        "model": "pixverse-c1-text-to-video", "duration": "3s", "aspect_ratio": "16:9", "resolution": "360p",
        "audio": false,
    ]

    /// Quick to encode: 640×360, three seconds, silent; answered with the bytes.
    static let quick: JSONValue = [
        "model": "pixverse-c1-text-to-video", "prompt": "A gondola", "duration": "3s", "aspect_ratio": "16:9",
        "resolution": "360p", "audio": false,
    ]

    /// One second; delivered by link.
    static let linked: JSONValue = [
        "model": "grok-imagine-text-to-video-private", "prompt": "A gondola", "duration": "1s", "aspect_ratio": "16:9",
        "resolution": "480p",
    ]

    private static func big(_ value: Int, _ count: Int) -> Data {
        Data((0..<count).reversed().map { UInt8(value >> ($0 * 8) & 0xFF) })
    }

    private static func little(_ value: Int, _ count: Int) -> Data {
        Data((0..<count).map { UInt8(value >> ($0 * 8) & 0xFF) })
    }
}
