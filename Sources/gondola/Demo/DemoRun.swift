import FeedSync
import Foundation
import SyncService
import VideoModels

/// The steps of the demo, each through the phone's API.
struct DemoRun: Sendable {
    let client: PhoneClient
    let directory: String

    func makeDirectory() throws {
        do { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) } catch {
            throw CommandFailure(.failed, "\(directory): this directory cannot be made")
        }
    }

    func uploadPicture() async throws -> AssetID {
        let path = directory + "/source.png"
        try await DemoMedia.makePicture(at: path)
        let asset = try await patiently { try await client.uploadAsset(file: path, contentType: "image/png") }
        guard asset.sha256 == (try PhoneClient.sha256(ofFile: path)) else {
            throw CommandFailure(.failed, "the server says that it got another picture than \(path)")
        }
        Terminal.say("uploaded a picture, \(SizeText.rounded(asset.bytes)), as asset \(asset.id)")
        return asset.id
    }

    /// Reads the feed up to now, so that all that follows comes as changes.
    func startFollowing() async throws -> Demo.Follower {
        var follower = FeedClient(client)
        try await follower.catchUp()
        return follower
    }

    func submit(_ plan: DemoPlan) async throws -> DemoBoard {
        var rows: [DemoBoard.Row] = []
        for wish in plan.wishes {
            let price = try await patiently { try await client.quote(wish.request) }.price
            let key = UUID().uuidString.lowercased()
            let submission = JobSubmission(request: wish.request, maxPrice: price)
            let detail = try await patiently { try await client.submit(submission, idempotencyKey: key) }
            Terminal.say("asked for \(wish.title) with \(wish.request.model) at \(price): job \(detail.job.id)")
            rows.append(DemoBoard.Row(title: wish.title, job: detail.job))
        }
        return DemoBoard(rows)
    }

    func refuseDisappointments(_ rows: [DemoBoard.Row]) throws {
        let words = rows.compactMap { row in
            row.job.disappointment.map { "\(row.title) (\(row.job.id)): \(TextWidth.visible($0))" }
        }
        if !words.isEmpty { throw CommandFailure(.failed, words.joined(separator: "\n")) }
    }

    /// Downloads every video and reads it back.
    func collect(_ rows: [DemoBoard.Row], with follower: inout Demo.Follower) async throws -> [DemoResult] {
        var results: [DemoResult] = []
        for (index, row) in rows.enumerated() {
            guard let id = row.job.videoID else {
                throw CommandFailure(.failed, "\(row.title): the job is ready and names no video")
            }
            while follower.copy.videos[id] == nil { _ = try await follower.next() }
            guard let video = follower.copy.videos[id] else { continue }
            let detail = try await patiently { try await client.job(row.job.id) }
            let path = "\(directory)/\(index + 1)-\(Self.fileName(row.title)).mp4"
            try await client.download(video, to: path)
            results.append(try await check(row.title, detail, video, at: path))
        }
        return results
    }

    /// Looks at the file as it lies on the disk.
    private func check(
        _ title: String, _ detail: JobDetail, _ video: Video, at path: String
    ) async throws -> DemoResult {
        let sha256 = try PhoneClient.sha256(ofFile: path)
        guard sha256 == video.sha256 else {
            throw CommandFailure(.failed, "\(path) has SHA-256 \(sha256), and the feed says \(video.sha256)")
        }
        let facts = try await DemoMedia.probe(path)
        guard video.width == nil || video.width == facts.width, video.height == nil || video.height == facts.height,
            video.durationSeconds.map({ abs($0 - facts.seconds) < 0.5 }) ?? true
        else {
            throw CommandFailure(
                .failed, "\(path): ffprobe reads \(facts), and the feed says \(TextWidth.visible("\(video)"))")
        }
        return DemoResult(title: title, detail: detail, video: video, path: path, facts: facts)
    }

    /// Replays the feed from nothing and holds it against the copy that was followed.
    func compareFeeds(_ follower: inout Demo.Follower) async throws {
        var differences: [String] = []
        // Another device may change something in between; then both are read once more.
        for _ in 1...5 {
            try await follower.catchUp()
            let replayed = try await startFollowing().copy
            differences = FeedComparison.differences(followed: follower.copy, replayed: replayed)
            if differences.isEmpty { return }
        }
        throw CommandFailure(
            .failed,
            "the feed replayed from nothing differs from the one followed:\n" + differences.joined(separator: "\n"))
    }

    /// `private, by link` → `private-by-link`
    static func fileName(_ title: String) -> String {
        title.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: "-")
    }
}
