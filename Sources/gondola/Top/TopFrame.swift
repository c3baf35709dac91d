import Foundation
import JobStore
import SyncService
import VideoModels

/// One picture of a deployment. Pure: the same report and size give the same lines.
struct TopFrame {
    var report: TopReport
    /// Why the report is an old one; nil when it is fresh.
    var trouble: String?
    var isLive = false
    var colours = false

    /// No more than fit; nil for a size cuts nothing.
    func lines(rows: Int?, columns: Int?) -> [String] {
        let head = [title] + (trouble.map { ["! \(TextWidth.visible($0))"] } ?? [])
        let parts = [head + jobs, limits(columns), processes(columns), slowest(columns)]
        let lines = parts.filter { !$0.isEmpty }.joined(separator: [""]).map { line in
            columns.map { TextWidth.cut(line, to: $0) } ?? line
        }
        return painted(rows.map { Array(lines.prefix($0)) } ?? lines)
    }

    private var title: String {
        let working = report.processes.count { $0.standing == .working }
        let time = isLive ? TimeText.clock(report.at) : TimeText.time(report.at)
        return "gondola top  " + (isLive ? "q quits  " : "")
            + "\(working) of \(report.processes.count) processes working"
            + "  \(report.feedClients) feed clients  \(time)"
    }

    // MARK: - jobs and money

    private var jobs: [String] {
        let states = EngineOverview.states.map { "\($0.replacing("_", with: " ")) \(report.jobs[$0] ?? 0)" }
        let recent = report.recent
        let entered = ["accepted", "quoted", "submitting", "rendering", "downloading", "ready", "failed", "attention"]
            .map { "\($0) \(recent.entered[$0] ?? 0)" }
        return [
            "now        " + states.joined(separator: " · "),
            "in \(TextWidth.pad(TimeText.length(recent.seconds), to: 7)) " + entered.joined(separator: " · "),
            "lag        \(lag)",
            "spent      "
                + [
                    spent(report.spentToday, report.capPerDay, "today"),
                    spent(report.spentThisMonth, report.capPerMonth, "this month"),
                ].joined(separator: " · "),
        ]
    }

    private var lag: String {
        let found = report.recent.meanDetectionLag.map { "finished videos found after \(TimeText.length($0)) at most" }
        let due = report.dueSeconds.flatMap { seconds -> String? in
            seconds > 1 ? "due for \(TimeText.length(seconds)) and not taken" : nil
        }
        let waiting = report.attentionSeconds.map { "waiting for a person for \(TimeText.length($0))" }
        let all = [found, due, waiting].compactMap(\.self)
        return all.isEmpty ? "nothing found finished lately" : all.joined(separator: " · ")
    }

    private func spent(_ money: Money, _ cap: Money?, _ period: String) -> String {
        "\(money)" + (cap.map { " of \($0)" } ?? "") + " \(period)"
    }

    // MARK: - tables

    private func limits(_ columns: Int?) -> [String] {
        let budgets = report.limits.budgets
        guard !budgets.isEmpty else { return [] }
        let table = Table(
            [
                .left("ACCOUNT"), .left("ENDPOINT"), .left("WINDOW"), .right("USED"), .left("BREAKER"),
                .shrinking("NOTE"),
            ],
            rows: budgets.map { budget in
                [
                    budget.account, budget.endpoint,
                    ProgressBar.text(Double(budget.used) / Double(max(budget.limit, 1)), width: 12),
                    "\(budget.used)/\(budget.limit)", budget.breaker.rawValue,
                    budget.heldSeconds.map { "held for \(TimeText.length($0))" } ?? "",
                ]
            })
        let paused = report.limits.models.map(\.model)
        let note = paused.isEmpty ? [] : ["paused models: " + paused.map(TextWidth.visible).joined(separator: ", ")]
        return table.lines(width: columns) + note
    }

    private func processes(_ columns: Int?) -> [String] {
        guard !report.processes.isEmpty else { return ["no process is in the register"] }
        return Table(
            [
                .shrinking("PROCESS"), .left("ROLES"), .left("STANDING"), .right("UP"), .right("JOBS"),
                .right("LEASES"),
                .right("FEEDS"), .right("SEEN"), .left("VERSION").extra,
            ],
            rows: report.processes.map { process in
                [
                    process.name, process.roles.map(\.rawValue).joined(separator: "+"),
                    process.standing.rawValue
                        + (process.stuckLoops.isEmpty ? "" : ": " + process.stuckLoops.joined(separator: ",")),
                    TimeText.length(report.at.timeIntervalSince(process.startedAt)), "\(process.jobsInHand)",
                    "\(process.leases)", "\(process.feedClients)", TimeText.length(process.silentSeconds),
                    process.version,
                ]
            }
        ).lines(width: columns)
    }

    private func slowest(_ columns: Int?) -> [String] {
        guard !report.slowest.isEmpty else { return ["no job is under way"] }
        return Table(
            [
                .left("SLOWEST JOBS"), .shrinking("USER"), .left("STATE"), .shrinking("MODEL"), .right("AGE"),
                .shrinking("NEXT").extra,
            ],
            rows: report.slowest.map { job in
                [
                    job.id.description, job.userName ?? job.user.description, job.state, job.request.model,
                    TimeText.length(report.at.timeIntervalSince(job.createdAt)), job.reason ?? job.next,
                ]
            }
        ).lines(width: columns)
    }

    /// Headings stand out, where there are colours.
    private func painted(_ lines: [String]) -> [String] {
        guard colours else { return lines }
        let heads = ["gondola top", "ACCOUNT", "PROCESS", "SLOWEST"]
        return lines.map { line in
            if line.hasPrefix("! ") { return "\u{1B}[31m\(line)\u{1B}[0m" }
            return heads.contains { line.hasPrefix($0) } ? "\u{1B}[1m\(line)\u{1B}[0m" : line
        }
    }
}
