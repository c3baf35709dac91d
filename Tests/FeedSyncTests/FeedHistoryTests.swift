import FeedSync
import Foundation
import TestSupport
import Testing
import VideoModels

/// What is promised to every phone: whatever happens to it and to the server, it ends up with what the database holds.
///
/// `GONDOLA_FEED_SEEDS=5000` walks more histories than every run does.
@Suite(.timeLimit(.minutes(10))) struct FeedHistoryTests {
    static let wanted = ProcessInfo.processInfo.environment["GONDOLA_FEED_SEEDS"].flatMap { UInt64($0) }

    /// Hundreds of histories, in groups, so that a failure names its seed and the report stays readable.
    @Test(arguments: 0..<UInt64(10)) func `every device ends up with what a model of the server holds`(group: UInt64)
        async throws
    {
        let count = max(10, Self.wanted ?? 200) / 10
        for seed in group * count..<(group + 1) * count {
            try await FeedHistory(server: ModelServer(), seed: seed).run()
        }
    }
}

/// The model of a server.
private struct ModelServer: HistoryServer {
    private var model = FeedModel()
    private var backups: [FeedModel] = []

    mutating func change(using generator: inout SeededGenerator) { model.step(using: &generator) }

    mutating func prune(using generator: inout SeededGenerator) {
        model.prune(upTo: model.last - Int64.random(in: 0...12, using: &generator))
    }

    mutating func backUp() { backups.append(model) }

    mutating func restore(using generator: inout SeededGenerator) {
        if let backup = backups.randomElement(using: &generator) { model.restore(backup) }
    }

    func answer(to cursor: String?, limit: Int) -> FeedModel.Answer { model.answer(to: cursor, limit: limit) }

    func truth() -> (living: [Change], sequence: Int64) { (model.living, model.last) }
}
