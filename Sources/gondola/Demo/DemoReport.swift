import Foundation
import SyncService
import VideoModels

/// What came of one of the demo's videos.
struct DemoResult {
    var title: String
    var detail: JobDetail
    var video: Video
    var path: String
    var facts: DemoMedia.Facts
}

/// The tables at the end of the demo.
struct DemoReport {
    var results: [DemoResult]

    var videos: Table {
        Table(
            [
                .left("VIDEO").extra, .shrinking("MODEL"), .right("PRICE"), .shrinking("FILE"), .right("SIZE"),
                .left("SHA-256"), .right("LENGTH"), .right("PICTURE"),
            ],
            rows: results.map { result in
                [
                    result.title, result.detail.job.request.model, result.detail.job.price?.description ?? "-",
                    Self.shortened(result.path), SizeText.rounded(result.video.bytes),
                    String(result.video.sha256.prefix(8)) + "…",
                    String(format: "%.2f s", result.facts.seconds), "\(result.facts.width)×\(result.facts.height)",
                ]
            })
    }

    /// One column a status that any job entered, in the order of first entry; seconds since the job was asked for.
    var timelines: Table {
        let statuses = results.flatMap(\.detail.timeline).sorted { $0.at < $1.at }.map(\.status.word)
        let columns = statuses.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        return Table(
            [.left("SECONDS UNTIL")] + columns.map { .right($0) },
            rows: results.map { result in [result.title] + columns.map { Self.times(of: $0, in: result.detail) } })
    }

    /// Relative to where the command was started, if it lies there.
    private static func shortened(_ path: String) -> String {
        let here = FileManager.default.currentDirectoryPath + "/"
        return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
    }

    /// A status that was entered again, after a setback, has several times.
    private static func times(of status: String, in detail: JobDetail) -> String {
        let start = detail.timeline.first?.at ?? detail.job.createdAt
        let steps = detail.timeline.filter { $0.status.word == status }
        let times = steps.map { String(format: "%.2f", max(0, $0.at.timeIntervalSince(start))) }
        return times.isEmpty ? "-" : times.joined(separator: ", ")
    }
}
