public import Foundation
import VideoModels

/// Compares the requests of an account with the upstream's record of its charges.
///
/// - *Not charged* is proven only where, of all ways to tell which charge belongs to which request, none has one left for
///   the request: every request that was accepted needs a charge of its own, any charge may be the request's that lies
///   near it in time and could be for a video, whatever its amount, and the record reaches past the last moment at which
///   its charge could have been entered.
/// - *Charged* needs a charge of exactly that price and model near it in time which no other request of ours can account
///   for, and no sign that somebody else uses the account.
/// - Everything else is undecidable, or undecidable yet.
///
/// Requests that the upstream refused, and those that never left, are charged nothing (PROTOCOL §2) and account for nothing.
public struct Reconciliation: Sendable {
    private let attempts: [ReconciledAttempt]
    private let charges: [UpstreamEntry]
    private let record: UpstreamRecord
    private let tolerance: ReconciliationTolerance
    /// By attempt: which charges could be its, by the widest reading.
    private let edges: [[Int]]
    /// Those that were charged for certain.
    private let certain: [Int]

    /// `attempts` are all of the account that began within `tolerance` of those that are to be judged.
    public init(attempts: [ReconciledAttempt], record: UpstreamRecord, tolerance: ReconciliationTolerance) {
        let attempts = attempts.filter { ["accepted", "lost", nil].contains($0.outcome) }
        let charges = UpstreamEntry.merged(record.entries).filter { $0.kind == .charge }
            .sorted { ($0.at ?? .distantPast) < ($1.at ?? .distantPast) }
        self.attempts = attempts
        self.charges = charges
        self.record = record
        self.tolerance = tolerance
        let owners = Dictionary(
            attempts.indices.flatMap { index in attempts[index].handles.map { ($0, index) } },
            uniquingKeysWith: { first, _ in first })
        let owner = charges.map { charge in charge.requestID.flatMap { owners[$0] } }
        edges = attempts.enumerated().map { index, attempt in
            let own = charges.indices.filter { owner[$0] == index }
            guard own.isEmpty else { return own }
            return charges.indices.filter {
                owner[$0] == nil && attempt.mayBe(charges[$0], tolerance, readAt: record.readAt)
            }
        }
        certain = attempts.indices.filter { index in
            let attempt = attempts[index]
            return attempt.outcome == "accepted" && attempt.price > .zero && (!record.isWallet || attempt.hasVideo)
                && record.covers(attempt.window(tolerance, readAt: record.readAt))
        }
    }

    /// The verdict on each request that began in the window and whose answer is lost.
    public func findings(of window: Range<Date>) -> [ReconciliationFinding] {
        let judged = attempts.indices.filter {
            attempts[$0].outcome == "lost" && window.contains(attempts[$0].startedAt)
        }
        guard !judged.isEmpty else { return [] }
        var explained = Matching(edges: edges, rights: charges.count)
        let missing = certain.filter { !explained.augment($0) }
        let stray = strayCharges(in: window)
        return judged.map { judge($0, explained, missing: missing, stray: stray) }
    }

    private func judge(
        _ index: Int, _ explained: Matching, missing: [Int], stray: [UpstreamEntry]
    ) -> ReconciliationFinding {
        let attempt = attempts[index]
        let window = attempt.window(tolerance, readAt: record.readAt)
        var evidence = [opening(attempt, window)]
        let balance = BalanceReading(of: attempt, among: attempts)
        evidence += balance.map { [$0.sentence] } ?? []
        func finding(
            _ verdict: Job.Attention.Verdict, _ reason: String, askAgainAt: Date? = nil
        ) -> ReconciliationFinding {
            ReconciliationFinding(
                attempt: attempt, verdict: verdict, evidence: evidence + [reason], askAgainAt: askAgainAt)
        }

        guard attempt.price > .zero else { return finding(.undecidable, "A price of nothing leaves no trace.") }
        if let missed = missing.first {
            return finding(
                .undecidable,
                "The record cannot be whole: it lacks the charge of \(missing.count) accepted "
                    + "\(missing.count == 1 ? "request" : "requests"), such as that of job \(attempts[missed].id.job).")
        }
        if let charge = provenCharge(of: index, stray: stray) {
            return finding(.charged, "\(charge) fits, and no other request can account for it.")
        }
        var possible = explained
        if possible.augment(index) {
            let count = edges[index].count
            return finding(
                .undecidable,
                stray.isEmpty
                    ? "\(count) charges lie near it, and one of them may be its own."
                    : "Somebody else seems to use the account: \(stray.count) charges belong to no request of ours, such as "
                        + "\(stray[0]).")
        }
        guard record.covers(window) else {
            return finding(
                .undecidable, "No charge is to be found, but it may still be entered until \(time(window.upperBound)).",
                askAgainAt: window.upperBound > record.readAt ? window.upperBound : nil)
        }
        if balance?.hint == .fitsCharge {
            return finding(.undecidable, "No charge is to be found, and yet the balance fell as if there had been one.")
        }
        return finding(
            .notCharged,
            edges[index].isEmpty
                ? "No charge lies near it."
                : "All \(edges[index].count) charges near it belong to other requests of ours.")
    }

    /// The charge that must be this request's: of its price and model, and not to be explained without it. In a time that is
    /// lost there may have been other requests for the same.
    private func provenCharge(of index: Int, stray: [UpstreamEntry]) -> UpstreamEntry? {
        if attempts[index].isOfLostTime { return nil }
        let fitting = edges[index].filter { attempts[index].fits(charges[$0], tolerance, readAt: record.readAt) }
        guard stray.isEmpty, !fitting.isEmpty, !canExplain(fitting, without: index) else { return nil }
        var narrowed = edges
        narrowed[index] = fitting
        var matching = Matching(edges: narrowed, rights: charges.count)
        guard (certain + [index]).allSatisfy({ matching.augment($0) }) else { return nil }
        return matching.right(of: index).map { charges[$0] }
    }

    /// Whether other requests can account for all these charges. With every certain request having one of its own as well:
    /// where each can be had alone, both can be had together (Mendelsohn and Dulmage).
    private func canExplain(_ wanted: [Int], without index: Int) -> Bool {
        var matching = Matching(edges: reversed(without: index), rights: attempts.count)
        return wanted.allSatisfy { matching.augment($0) }
    }

    /// Charges that could be for videos, and that our requests cannot account for, however they are told apart.
    private func strayCharges(in window: Range<Date>) -> [UpstreamEntry] {
        let reversed = reversed(without: nil)
        let first = window.lowerBound.addingTimeInterval(-tolerance.clockSkew)
        let last = window.upperBound.addingTimeInterval(tolerance.clockSkew)
        var matching = Matching(edges: reversed, rights: attempts.count)
        return charges.indices.filter { index in
            let isNear = charges[index].at.map { $0 >= first && $0 <= last } ?? true
            return isNear && !reversed[index].isEmpty && !matching.augment(index)
        }.map { charges[$0] }
    }

    private func reversed(without left: Int?) -> [[Int]] {
        var lists = [[Int]](repeating: [], count: charges.count)
        for (attempt, list) in edges.enumerated() where attempt != left {
            for charge in list { lists[charge].append(attempt) }
        }
        return lists
    }

    private func opening(_ attempt: ReconciledAttempt, _ window: ClosedRange<Date>) -> String {
        "A request for \(attempt.price) (\(attempt.models.sorted().joined(separator: ", "))) at \(time(attempt.startedAt)), "
            + "compared with the \(charges.count) charges of the \(record.name) that was read at \(time(record.readAt)); "
            + "its charge would have been entered from \(time(window.lowerBound)) to \(time(window.upperBound))."
    }
}

private func time(_ date: Date) -> String { Wire.text(of: date) }

extension UpstreamRecord {
    fileprivate func covers(_ window: ClosedRange<Date>) -> Bool {
        from <= window.lowerBound && window.upperBound <= readAt
    }
}

extension ReconciledAttempt {
    /// When its charge may have been entered.
    fileprivate func window(_ tolerance: ReconciliationTolerance, readAt: Date) -> ClosedRange<Date> {
        let end = max(startedAt, endedAt ?? readAt)
        return startedAt.addingTimeInterval(
            -tolerance.clockSkew)...end.addingTimeInterval(tolerance.clockSkew + tolerance.lateness)
    }

    /// By the widest reading: near in time, and perhaps for a video. Its amount may be another, since prices move.
    fileprivate func mayBe(_ entry: UpstreamEntry, _ tolerance: ReconciliationTolerance, readAt: Date) -> Bool {
        if let at = entry.at, !window(tolerance, readAt: readAt).contains(at) { return false }
        guard let label = entry.label?.lowercased(), let amount = entry.amount else { return true }
        return amount == price || label.contains("video") || names(label)
    }

    /// By the narrowest: exactly that price, exactly that model.
    fileprivate func fits(_ entry: UpstreamEntry, _ tolerance: ReconciliationTolerance, readAt: Date) -> Bool {
        guard let at = entry.at, let label = entry.label?.lowercased() else { return false }
        return window(tolerance, readAt: readAt).contains(at) && entry.amount == price && names(label)
    }

    private func names(_ label: String) -> Bool { models.contains { label.contains($0.lowercased()) } }
}

/// What the balances before and after a lost answer tell. Never a proof alone: others may have paid or been paid.
private struct BalanceReading {
    enum Hint { case fitsCharge, fitsNoCharge, fitsNeither }

    var hint: Hint
    var sentence: String

    /// Nil where no answer before or after told a balance.
    init?(of lost: ReconciledAttempt, among attempts: [ReconciledAttempt]) {
        let told = attempts.filter { $0.balance != nil && $0.id != lost.id }
        guard let before = told.last(where: { $0.startedAt < lost.startedAt }), let first = before.balance,
            let after = told.first(where: { $0.startedAt > lost.startedAt }), let last = after.balance
        else { return nil }
        let between = attempts.filter { $0.startedAt >= before.startedAt && $0.startedAt < after.startedAt }
        let explained = between.filter { $0.outcome == "accepted" }.reduce(Money.zero) { $0 + $1.price }
        let open = first - last - explained
        switch open {
        case lost.price: hint = .fitsCharge
        case .zero: hint = .fitsNoCharge
        default: hint = .fitsNeither
        }
        sentence =
            "The balance was \(first) at \(time(before.startedAt)) and \(last) at \(time(after.startedAt)); accepted "
            + "requests explain \(explained) of that, which leaves \(open)."
    }
}
