import Foundation
import JobLifecycle
import JobStore
import VideoModels

extension ExplainFacts {
    /// Which of the upstream's budgets the next step needs.
    var step: String? {
        switch record.progress.state {
        case .quoted: "queue"
        case .rendering, .ready: "retrieve"
        // Videos come from elsewhere, and no budget is in their way.
        case .accepted, .submitting, .downloading, .failed, .cancelled, .attention: nil
        }
    }

    /// What of the account's limits is in the way.
    func limits(of endpoint: String?) -> [Explanation.Finding] {
        guard let endpoint,
            let budget = limits.budgets.first(where: { $0.account == record.account && $0.endpoint == endpoint })
        else { return [] }
        return breaker(budget) + pause(budget) + window(budget)
    }

    private func breaker(_ budget: LimitReport.Budget) -> [Explanation.Finding] {
        switch budget.breaker {
        case .closed: []
        case .resting:
            [
                .init(
                    .breaker, "the account \"\(budget.account)\" rests after too many refusals",
                    release: "then single requests try whether it is well again",
                    until: budget.restSeconds.map { at.addingTimeInterval($0) })
            ]
        case .probing:
            [
                .init(
                    .breaker, "the account \"\(budget.account)\" is tried by single requests after a rest",
                    release: "one of them succeeds; `gondola accounts test` asks by itself")
            ]
        }
    }

    private func pause(_ budget: LimitReport.Budget) -> [Explanation.Finding] {
        guard let held = budget.heldSeconds else { return [] }
        return [
            .init(
                .upstreamPause, "the upstream asked to be left alone at \(budget.endpoint)",
                release: "the pause ends", until: at.addingTimeInterval(held))
        ]
    }

    private func window(_ budget: LimitReport.Budget) -> [Explanation.Finding] {
        guard budget.used >= budget.limit else { return [] }
        let others = budget.endpoint == "queue" && line.submissions > 1
        let queue =
            others
            ? "; \(line.submissions) submissions of \(line.users) users wait for it, and users take turns" : ""
        return [
            .init(
                .rateBudget,
                "all \(budget.limit) requests of \(budget.windowSeconds.words) at \(budget.endpoint) are "
                    + "used by the account \"\(budget.account)\"" + queue,
                release: "the oldest of them leaves the window, and it is this job's turn",
                until: budget.freeSeconds.map { at.addingTimeInterval($0) })
        ]
    }

    // MARK: - time and leases

    /// When the job is looked at again, or who has it.
    var schedule: [Explanation.Finding] {
        guard let next = record.nextActionAt else { return [] }
        if let worker = record.leasedBy { return [lease(of: worker, until: next)] }
        guard next > at else { return [overdue(since: next)] }
        let trouble = record.progress.setbacks > 0 ? record.lastSetback : nil
        if let trouble {
            let count = record.progress.setbacks
            return [
                .init(
                    .setback, "\(count == 1 ? "a try" : "\(count) tries") went wrong, the last one so: \(trouble)",
                    release: "the next try", until: next)
            ]
        }
        return [
            .init(.dueTime, "it is not due yet: \(record.progress.state.outlook)", release: "its time", until: next)
        ]
    }

    private func overdue(since due: Date) -> Explanation.Finding {
        let late = at.timeIntervalSince(due)
        return .init(
            .overdue, "it is due since \(late.words), and no worker has taken it: \(record.progress.state.outlook)",
            release: late < 10 ? "a worker takes it at any moment" : "a worker has room for it; see `gondola top`")
    }

    private func lease(of worker: String, until end: Date) -> Explanation.Finding {
        // A name is no run: in a container it stays the same, and the row of a run that was killed stays for a day.
        let found = processes.filter { $0.name == worker }.max { $0.seenAt < $1.seenAt }
        if end <= at {
            return .init(
                .leaseOrphaned, "the lease of \(worker) has ended \(at.timeIntervalSince(end).words) ago",
                release: "any worker takes the job over, at any moment")
        }
        guard let process = found, process.standing != .silent else {
            let silence = found.map { "has said nothing for \($0.silentSeconds.words)" } ?? "is not in the register"
            return .init(
                .leaseOrphaned, "\(worker) holds it, and \(silence)", release: "the lease ends, and another takes over",
                until: end)
        }
        return .init(
            .lease, "\(worker) has it in hand (\(process.standing.rawValue)): \(record.progress.state.outlook)",
            release: "its work on it; a lease that is not renewed ends", until: end)
    }

    /// A paid request is under way, or its worker is gone.
    var submitting: [Explanation.Finding] {
        let lease = schedule
        guard lease.first?.code == .lease else { return lease }
        return [
            .init(
                .upstream, "the paid request is under way; its answer is awaited",
                release: "the answer. Without one a person decides: nothing is sent again by itself")
        ] + lease
    }
}

extension TimeInterval {
    /// `12 s`, `5 min`, `3 h`
    var words: String {
        switch self {
        case ..<120: "\(Int(self.rounded())) s"
        case ..<7200: "\(Int(self / 60)) min"
        default: "\(Int(self / 3600)) h"
        }
    }
}
