import ArgumentParser
import Foundation
import SyncService
import VideoModels

struct Submit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask for a video, through the phone's API.",
        discussion: """
            gondola submit --model wan-2.5-preview-text-to-video --duration 5s --resolution 480p --aspect-ratio 16:9 \
            --prompt "a gondola in the fog" --wait

            gondola submit --request boat.json

            A file holds a request as the phone's API takes it: {"model": "…", "prompt": "…", "elements": […]}. Options go
            before what it says. Prints the price and asks before it spends anything. What a model takes: gondola models list
            """)

    @OptionGroup var phone: PhoneOptions
    @OptionGroup(title: "The video") var wish: RequestOptions
    @Option(
        help: ArgumentHelp(
            "Refuse if the price is higher, in dollars (default: the price that was quoted).", valueName: "dollars"))
    var maxPrice: String?
    @Flag(name: .shortAndLong, help: "Spend without asking.") var yes = false
    @Flag(help: "Follow the job to its end; the exit status is 0 only if there is a video.") var wait = false
    @Option(help: ArgumentHelp("Wait, and save the video under this name.", valueName: "file")) var output: String?
    @Option(
        help: ArgumentHelp(
            "Asking again with the same key never makes a second job (default: a new key).", valueName: "key"))
    var idempotencyKey: String?
    @OptionGroup var format: OutputOptions

    func validate() throws {
        if let maxPrice, Money(maxPrice).map({ $0 >= .zero }) != true {
            throw ValidationError("--max-price must be an amount in dollars such as 0.55")
        }
    }

    func run() async throws {
        let client = try phone.client()
        let request = try await wish.request(uploadingWith: client)
        let quote = try await patiently { try await client.quote(request) }
        let limit = try agree(on: quote.price, for: request)
        let key = idempotencyKey ?? UUID().uuidString.lowercased()
        let submission = JobSubmission(request: request, maxPrice: limit)
        // One key for all tries: however often the request arrives, there is one job.
        let detail = try await patiently { try await client.submit(submission, idempotencyKey: key) }
        if !format.isJSON { Terminal.say("job \(detail.job.id)") }
        let end = wait || output != nil ? try await follow(detail, with: client) : detail.job
        if format.isJSON { try OutputOptions.json(end) }
        if let failure = end.disappointment { throw CommandFailure(.failed, failure) }
    }

    /// Returns the most that may be spent, or throws when nobody agrees to the price.
    private func agree(on price: Money, for request: VideoRequest) throws -> Money {
        let limit = maxPrice.flatMap { Money($0) }
        if let limit, price > limit {
            throw CommandFailure(.refusedData, "the price is \(price), above --max-price \(limit); nothing was spent")
        }
        if !format.isJSON { Terminal.say("\(TextWidth.visible(request.model)) costs \(price)") }
        if yes { return limit ?? price }
        guard Terminal.isInput else {
            throw CommandFailure(
                .usage, "this would spend \(price), and there is no terminal to ask at: add --yes to agree")
        }
        Terminal.emit("Spend \(price)? [y/N] ")
        guard ["y", "yes"].contains(readLine()?.trimmingCharacters(in: .whitespaces).lowercased() ?? "") else {
            throw CommandFailure(.failed, "nothing was spent")
        }
        return limit ?? price
    }

    /// Follows the feed until the job stands still. Returns the job as it stands then.
    private func follow(_ detail: JobDetail, with client: PhoneClient) async throws -> Job {
        var follower = FeedFollower(client)
        var job = detail.job
        var shown: Open<Job.Status>?
        while true {
            if !format.isJSON, shown != job.status {
                Terminal.say("\(TimeText.clock(job.updatedAt))  \(job.status)")
                shown = job.status
            }
            if job.status.known?.isFinal == true || job.status == .known(.attention) { break }
            _ = try await follower.next(onTrouble: Feed.Tail.report)
            job = follower.copy.jobs[job.id] ?? job
        }
        guard let output, let id = job.videoID else { return job }
        while follower.copy.videos[id] == nil { _ = try await follower.next(onTrouble: Feed.Tail.report) }
        if let video = follower.copy.videos[id] {
            try await client.download(video, to: output)
            if !format.isJSON { Terminal.say("\(output)  \(SizeText.rounded(video.bytes))  SHA-256 \(video.sha256)") }
        }
        return job
    }
}

extension Job {
    /// Why there is no video to look forward to; nil if there is one or may yet be.
    var disappointment: String? {
        switch status.known {
        case .failed: "the job failed: \(failure.map { "\($0.message) [\($0.code)]" } ?? "no reason was given")"
        case .cancelled: "the job was cancelled"
        case .attention: "the job waits for a person: \(attention?.message ?? "no reason was given")"
        case .waiting, .submitting, .rendering, .downloading, .ready, nil: nil
        }
    }
}

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
            // One byte more than a request may have, so that a longer one is told.
            data = try file.read(upToCount: 262_145) ?? Data()
        } catch {
            throw CommandFailure(.usage, "\(request) cannot be read: \(error.localizedDescription)")
        }
        do throws(Problem) {
            var wish = try VideoRequest(document: data)
            if let model { wish.model = model }
            return wish
        } catch {
            throw CommandFailure(phone: .problem(error, retryAfter: nil))
        }
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
