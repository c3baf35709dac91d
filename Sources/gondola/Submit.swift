import ArgumentParser
import FeedSync
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
    @Option(
        help: ArgumentHelp(
            "low, normal or high, among your own jobs (default: normal).", valueName: "priority"))
    var priority: String?
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
        if let priority, Job.Priority(rawValue: priority) == nil {
            throw ValidationError("--priority must be low, normal or high")
        }
    }

    func run() async throws {
        let client = try phone.client()
        let request = try await wish.request(uploadingWith: client)
        let quote = try await patiently { try await client.quote(request) }
        if let refusal = quote.refusal { throw CommandFailure(.refusedData, refusal) }
        let limit = try agree(on: quote.price, for: request)
        let key = idempotencyKey ?? UUID().uuidString.lowercased()
        let submission = JobSubmission(request: request, maxPrice: limit, priority: priority.map { Open($0) })
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
        var follower = FeedClient(client)
        var job = detail.job
        var shown: String?
        while true {
            if !format.isJSON, shown != job.standing {
                Terminal.say("\(TimeText.clock(job.updatedAt))  \(job.standing)")
                shown = job.standing
            }
            if job.status.known?.isFinal == true || job.status == .known(.attention) { break }
            _ = try await follower.next(notice: FeedNoticeText.report)
            job = follower.copy.jobs[job.id] ?? job
        }
        guard let output, let id = job.videoID else { return job }
        while follower.copy.videos[id] == nil { _ = try await follower.next(notice: FeedNoticeText.report) }
        if let video = follower.copy.videos[id] {
            try await client.download(video, to: output)
            if !format.isJSON { Terminal.say("\(output)  \(SizeText.rounded(video.bytes))  SHA-256 \(video.sha256)") }
        }
        return job
    }
}

extension Job {
    /// The status, with what holds a waiting job.
    var standing: String { hold.map { "\(status.word): \($0.message)" } ?? status.word }

    /// Why there is no video to look forward to; nil if there is one or may yet be.
    var disappointment: String? {
        switch status.known {
        case .failed:
            "the job failed: \(failure.map { "\($0.message) [\($0.code)]" } ?? "no reason was given")"
                + (failure?.recommendedModel.map { "; the upstream recommends the model \($0)" } ?? "")
        case .cancelled: "the job was cancelled"
        case .attention: "the job waits for a person: \(attention?.message ?? "no reason was given")"
        case .waiting, .submitting, .rendering, .downloading, .ready, nil: nil
        }
    }
}

extension Quote {
    /// Why the server would not pay this price, if it would not.
    var refusal: String? {
        guard let budget, !budget.fits else { return nil }
        let limits = budget.limits.map { limit in
            "\(limit.spent) of \(limit.limit) a \(limit.period) is spent or held, until \(TimeText.time(limit.renewsAt))"
        }
        return "the price of \(price) does not fit into the budget: \(limits.joined(separator: "; "))"
    }
}
