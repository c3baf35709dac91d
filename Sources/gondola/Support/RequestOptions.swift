import ArgumentParser
import Foundation
import SyncService
import VideoModels

/// The fields of a request as options.
struct RequestOptions: ParsableArguments {
    @Option(help: "The model's id; needed unless --request has it.") var model: String?
    @Option(
        help: ArgumentHelp(
            "The request as JSON, with every field there is; - reads it from standard input.", valueName: "file"))
    var request: String?
    @Option(help: "What the video shows.") var prompt: String?
    @Option(help: "What it must not show.") var negativePrompt: String?
    @Option(help: "One of the model's durations, such as 5s.") var duration: String?
    @Option(help: "One of the model's resolutions, such as 480p.") var resolution: String?
    @Option(help: "One of the model's aspect ratios, such as 16:9.") var aspectRatio: String?
    @Flag(inversion: .prefixedNo, help: "Sound on or off, where the model lets one choose.") var audio: Bool?
    @Option(help: "1, 2 or 4, for upscalers.") var upscaleFactor: Int?
    @Option(help: ArgumentHelp("The start frame.", valueName: "file-or-url")) var image: String?
    @Option(help: ArgumentHelp("The end frame.", valueName: "file-or-url")) var endImage: String?
    @Option(help: ArgumentHelp("A sound track.", valueName: "file-or-url")) var audioTrack: String?
    @Option(help: ArgumentHelp("The source clip.", valueName: "file-or-url")) var video: String?
    @Option(help: ArgumentHelp("A picture that the prompt refers to; may be repeated.", valueName: "file-or-url"))
    var referenceImage: [String] = []
    @Option(help: ArgumentHelp("A clip that the prompt refers to; may be repeated.", valueName: "file-or-url"))
    var referenceVideo: [String] = []
    @Option(help: ArgumentHelp("How long the reference clips are together.", valueName: "seconds"))
    var referenceVideoSeconds: Double?
    @Option(help: ArgumentHelp("A sound that the prompt refers to; may be repeated.", valueName: "file-or-url"))
    var referenceAudio: [String] = []

    func validate() throws {
        if model == nil, request == nil { throw ValidationError("--model or --request is needed") }
        if let seconds = referenceVideoSeconds, !seconds.isFinite || seconds <= 0 {
            throw ValidationError("--reference-video-seconds must be a number above 0")
        }
    }

    /// The request; files are uploaded first, which costs nothing.
    func request(uploadingWith client: PhoneClient) async throws -> VideoRequest {
        var wish = try written()
        if let prompt { wish.prompt = prompt }
        if let negativePrompt { wish.negativePrompt = negativePrompt }
        if let duration { wish.duration = duration }
        if let resolution { wish.resolution = resolution }
        if let aspectRatio { wish.aspectRatio = aspectRatio }
        if let audio { wish.audio = audio }
        if let upscaleFactor { wish.upscaleFactor = upscaleFactor }
        if let referenceVideoSeconds { wish.referenceVideoSeconds = referenceVideoSeconds }
        if let image { wish.image = try await source(image, client) }
        if let endImage { wish.endImage = try await source(endImage, client) }
        if let audioTrack { wish.audioTrack = try await source(audioTrack, client) }
        if let video { wish.video = try await source(video, client) }
        wish.referenceImages = try await sources(referenceImage, client) ?? wish.referenceImages
        wish.referenceVideos = try await sources(referenceVideo, client) ?? wish.referenceVideos
        wish.referenceAudios = try await sources(referenceAudio, client) ?? wish.referenceAudios
        return wish
    }

    /// What the file says, or a request without any choices yet.
    func written() throws -> VideoRequest {
        guard let request else { return VideoRequest(model: model ?? "") }
        let data: Data
        do {
            let file =
                request == "-"
                ? FileHandle.standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: request))
            data = try Self.read(file)
        } catch {
            throw CommandFailure(.usage, "\(request) cannot be read: \(error.localizedDescription)")
        }
        return try wish(in: data)
    }

    private func wish(in data: Data) throws -> VideoRequest {
        do throws(Problem) {
            var wish = try VideoRequest(document: data)
            if let model { wish.model = model }
            return wish
        } catch {
            throw CommandFailure(phone: .problem(error, retryAfter: nil))
        }
    }

    /// A pipe gives what is in it, so it is asked until it ends, or until it is clear that this is too much.
    private static func read(_ file: FileHandle) throws -> Data {
        var data = Data()
        while data.count <= VideoRequest.documentLimit, let more = try file.read(upToCount: 64 << 10), !more.isEmpty {
            data += more
        }
        return data
    }

    private func sources(_ texts: [String], _ client: PhoneClient) async throws -> [MediaSource]? {
        var sources: [MediaSource] = []
        for text in texts { sources.append(try await source(text, client)) }
        return sources.isEmpty ? nil : sources
    }

    private func source(_ text: String, _ client: PhoneClient) async throws -> MediaSource {
        if text.hasPrefix("https://") || text.hasPrefix("http://") { return .url(text) }
        let type = mediaType(ofFile: text)
        return .asset(try await patiently { try await client.uploadAsset(file: text, contentType: type) }.id)
    }
}

/// By the file's ending; the server looks at the bytes anyway.
func mediaType(ofFile path: String) -> String {
    let types = [
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
        "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm", "mp3": "audio/mpeg", "wav": "audio/wav",
        "m4a": "audio/mp4", "aac": "audio/aac", "flac": "audio/flac",
    ]
    return types[(path as NSString).pathExtension.lowercased()] ?? "application/octet-stream"
}
