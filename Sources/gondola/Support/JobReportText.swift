import Foundation
import JobStore
import SyncService

/// What `jobs show` prints.
struct JobReportText {
    private let report: OperatorJobReport
    private let now: Date

    init(_ report: OperatorJobReport, at now: Date) {
        self.report = report
        self.now = now
    }

    func lines(width: Int?) -> [String] {
        let facts = facts.map { name, value in
            let line = TextWidth.pad(name, to: 14) + TextWidth.visible(value)
            return width.map { TextWidth.cut(line, to: $0) } ?? line
        }
        return facts + [""] + timeline.lines(width: width)
            + (report.attempts.isEmpty ? [] : [""] + attempts.lines(width: width))
    }

    private var facts: [(String, String)] {
        let job = report.job
        let all: [(String, String?)] = [
            ("job", job.id.description), ("user", job.userName ?? job.user.description), ("state", job.state),
            ("why", job.reason), ("since", job.attention?.since.map { TimeText.time($0) }),
            ("record says", verdict), ("refunded", refunded), ("try model", job.failure?.recommendedModel),
            ("try prompt", job.failure?.suggestedPrompt), ("hint", job.failure?.hint), ("model", job.request.model),
            ("prompt", job.request.prompt),
            ("price", job.price.map { $0.description }), ("price limit", job.maxPrice.map { $0.description }),
            ("priority", job.priority == "normal" ? nil : job.priority),
            ("account", job.account), ("upstream id", job.queueID), ("usually takes", usual),
            ("polls", job.polls.map { String($0) }), ("last setback", setback), ("next", next),
        ]
        return all.compactMap { name, value in value.map { (name, $0) } }
    }

    /// What the upstream's record says of a lost answer, once it was compared.
    private var verdict: String? {
        guard job.attention?.kind == .known(.unknownOutcome) else { return nil }
        guard let verdict = job.attention?.verdict else {
            return "not compared yet; see `gondola ledger reconcile`"
        }
        let evidence = report.attempts.last?.reconciliation?.evidence.last.map { ": \($0)" } ?? ""
        return verdict.word.replacing("_", with: " ") + evidence
    }

    private var refunded: String? {
        guard job.failure != nil, job.queueID != nil else { return nil }
        return job.failure?.refunded.map { $0 ? "yes" : "no" }
            ?? "the upstream did not say; look at the account's usage"
    }

    private var job: OperatorJob { report.job }

    private var usual: String? { report.job.usualSeconds.map { TimeText.length($0) } }

    private var setback: String? {
        report.job.lastSetback.map { text in
            report.job.setbacks > 0 ? "\(text) (\(report.job.setbacks) in a row)" : text
        }
    }

    /// What happens next, by whom and when.
    private var next: String {
        let job = report.job
        guard let at = job.nextAt else { return job.next }
        let wait = at.timeIntervalSince(now)
        if let worker = job.leasedBy {
            return wait > 0
                ? "\(job.next): now, by \(worker)"
                : "\(job.next): the lease of \(worker) ended \(TimeText.length(-wait)) ago; any worker may take over"
        }
        if wait > 0 { return "\(job.next): in \(TimeText.length(wait))" }
        return -wait < 10
            ? "\(job.next): now" : "\(job.next): due for \(TimeText.length(-wait)); does a worker run?"
    }

    private var timeline: Table {
        let start = report.job.createdAt
        return Table(
            [.left("STATE"), .left("ENTERED"), .right("AFTER")],
            rows: report.timeline.map { step in
                [
                    step.state, TimeText.time(step.at), String(format: "%.2f s", step.at.timeIntervalSince(start)),
                ]
            })
    }

    private var attempts: Table {
        Table(
            [
                .left("SUBMITTED"), .right("TOOK"), .left("OUTCOME"), .right("PRICE"), .right("HTTP"),
                .left("REQUEST"), .shrinking("MESSAGE"),
            ],
            rows: report.attempts.map { attempt in
                [
                    TimeText.time(attempt.startedAt),
                    attempt.endedAt.map { String(format: "%.2f s", $0.timeIntervalSince(attempt.startedAt)) } ?? "-",
                    attempt.outcome ?? "under way", attempt.price.description,
                    attempt.httpStatus.map { String($0) } ?? "-", attempt.requestID ?? "-", attempt.message ?? "",
                ]
            })
    }
}
