import Foundation
import SyncService
import VideoModels

/// What the demo shows while its jobs run: a row a job, drawn from the feed alone.
struct DemoBoard {
    struct Row {
        var title: String
        var job: Job
    }

    private(set) var rows: [Row]
    /// A note under the rows, for trouble on the way.
    var note: String?

    init(_ rows: [Row]) { self.rows = rows }

    /// Nothing moves any more by itself.
    var isSettled: Bool {
        rows.allSatisfy { $0.job.status.known?.isFinal == true || $0.job.status == .known(.attention) }
    }

    /// Takes over what the feed says now. Returns a line for each row whose status changed.
    mutating func update(from copy: MemoryChangeStore) -> [String] {
        rows.indices.compactMap { index in
            guard let job = copy.jobs[rows[index].job.id] else { return nil }
            let before = rows[index].job.status
            rows[index].job = job
            return job.status == before ? nil : line(for: rows[index])
        }
    }

    /// `09:30:00.125Z  text to video  rendering (usually 8.0 s)`
    func line(for row: Row) -> String {
        let usual = row.job.estimate.map { " (usually \(TimeText.length($0.usualSeconds)))" } ?? ""
        return
            "\(TimeText.clock(row.job.updatedAt))  \(TextWidth.pad(row.title, to: titleWidth))  \(row.job.status)\(usual)"
    }

    /// A progress bar a row, no wider than the terminal.
    func lines(width: Int, at now: Date) -> [String] {
        let bar = max(10, min(40, width - titleWidth - 30))
        let lines = rows.map { row in
            let shown = progress(of: row.job, at: now)
            return "\(TextWidth.pad(row.title, to: titleWidth))  \(ProgressBar.text(shown, width: bar))  "
                + "\(TextWidth.pad("\(Int(shown * 100))", to: 3, right: true)) %  \(row.job.status)"
        }
        return (lines + [note ?? ""]).map { TextWidth.cut($0, to: max(1, width - 1)) }
    }

    private var titleWidth: Int { rows.map { TextWidth.columns(of: $0.title) }.max() ?? 0 }

    private func progress(of job: Job, at now: Date) -> Double {
        switch job.status.known {
        case .rendering: job.estimate?.progress(at: now) ?? 0
        case .downloading: 0.99
        case .ready: 1
        case .waiting, .submitting, .failed, .cancelled, .attention, nil: 0
        }
    }
}
