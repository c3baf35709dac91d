public import Foundation
public import VideoModels

extension AuditedJob {
    /// Everything about the job's money that does not add up, in the order of the ledger; then what its rows leave open.
    ///
    /// From first principles, and without the code that writes the rows: each reservation belongs to one paid request, is
    /// settled or released once and whole, is refunded at most once, and the job's state says the same.
    ///
    /// The rows of a deleted job outlive it. Where there is no job any more, and all of them are older than
    /// `forgottenBefore`, they are held against each other alone.
    public func findings(forgottenBefore: Date = .distantPast) -> [AuditFinding] {
        var walk = LedgerWalk(self)
        let isForgotten = !entries.isEmpty && entries.allSatisfy { $0.at < forgottenBefore }
        guard facts != nil || isForgotten else { return [walk.finding(.jobMissing, entries.first, "a job", "none")] }
        for entry in entries { walk.take(entry) }
        walk.end()
        return walk.findings
    }

    /// What the job's reservations count for in budgets, by the moment at which each was made.
    public var spending: [(reservedAt: Date, amount: Money)] {
        var sums: [(reservedAt: Date, amount: Money)] = []
        for entry in entries {
            switch entry.kind {
            case .reserve: sums.append((entry.at, entry.amount))
            case .settle: break
            case .release, .refund:
                if !sums.isEmpty { sums[sums.count - 1].amount = sums[sums.count - 1].amount - entry.amount }
            }
        }
        return sums
    }
}

/// Goes through the rows of one job.
private struct LedgerWalk {
    let job: AuditedJob
    var findings: [AuditFinding] = []
    /// How many reservations there were.
    private var reservations = 0
    private var last: Reserved?

    /// The latest reservation, and what became of it.
    private struct Reserved {
        var entry: LedgerEntry
        var attempt: AuditedJob.Attempt?
        var end: LedgerEntry?
        var refunded = Money.zero

        var isHeld: Bool { end == nil }
        var isSettled: Bool { end?.kind == .settle }
    }

    init(_ job: AuditedJob) { self.job = job }

    func finding(
        _ rule: AuditFinding.Rule, _ entry: LedgerEntry?, _ expected: String, _ found: String
    ) -> AuditFinding {
        AuditFinding(
            number: entry?.number, user: job.user, job: job.id, rule: rule, expected: expected, found: found)
    }

    private mutating func note(
        _ rule: AuditFinding.Rule, _ entry: LedgerEntry?, _ expected: String, _ found: String
    ) {
        findings.append(finding(rule, entry, expected, found))
    }

    mutating func take(_ entry: LedgerEntry) {
        switch entry.kind {
        case .reserve: reserve(entry)
        case .settle, .release: end(with: entry)
        case .refund: refund(entry)
        }
    }

    private mutating func reserve(_ entry: LedgerEntry) {
        if let last, last.isHeld {
            note(.reservedTwice, entry, "number \(last.entry.number) settled or released first", "another reservation")
        }
        let attempt = job.attempts.indices.contains(reservations) ? job.attempts[reservations] : nil
        reservations += 1
        if let attempt {
            if attempt.price != entry.amount {
                note(.attemptPriceDiffers, entry, "\(attempt.price), the price of the attempt", "\(entry.amount)")
            }
        } else if job.facts != nil {
            note(.attemptMissing, entry, "an attempt for \(entry.amount)", "\(job.attempts.count) attempts")
        }
        last = Reserved(entry: entry, attempt: attempt)
    }

    private mutating func end(with entry: LedgerEntry) {
        guard var reserved = last, reserved.isHeld else {
            return note(.nothingReserved, entry, "an open reservation to \(entry.kind.rawValue)", "none")
        }
        if entry.amount != reserved.entry.amount {
            note(.amountDiffers, entry, "\(reserved.entry.amount), as reserved", "\(entry.amount)")
        }
        if let attempt = reserved.attempt, !attempt.allows(entry.kind) {
            let word = attempt.outcome ?? "under way"
            note(.outcomeDiffers, entry, "\(attempt.endings) after an attempt that is \(word)", entry.kind.rawValue)
        }
        reserved.end = entry
        last = reserved
    }

    private mutating func refund(_ entry: LedgerEntry) {
        guard var reserved = last, reserved.isSettled, let settled = reserved.end else {
            return note(.refundWithoutSettlement, entry, "a settlement before", "none")
        }
        reserved.refunded = reserved.refunded + entry.amount
        if reserved.refunded > settled.amount {
            note(.refundWithoutSettlement, entry, "at most \(settled.amount), as settled", "\(reserved.refunded)")
        }
        last = reserved
    }

    mutating func end() {
        guard let facts = job.facts else {
            if let last, last.isHeld { note(.heldInWrongState, last.entry, "settled or released", "still held") }
            return
        }
        for attempt in job.attempts.dropFirst(reservations) {
            note(.reservationMissing, nil, "\(attempt.price) reserved for attempt \(attempt.token)", "no row")
        }
        checkHolding(facts)
        checkSettlement(facts)
        checkRefund(facts)
    }

    private mutating func checkHolding(_ facts: AuditedJob.Facts) {
        let isHeld = last?.isHeld == true
        switch (facts.holdsMoney, isHeld) {
        case (true, false):
            note(.heldInWrongState, last?.end, "an open reservation, as the job is \(facts.word)", "none")
        case (false, true):
            note(.heldInWrongState, last?.entry, "settled or released, as the job is \(facts.word)", "still held")
        case (true, true), (false, false): break
        }
    }

    private mutating func checkSettlement(_ facts: AuditedJob.Facts) {
        if facts.isPaid, last?.isSettled != true {
            note(.settlementMissing, last?.end ?? last?.entry, "settled, as the job is \(facts.word)", "not settled")
        }
        // A job that is priced anew has another price than what was released before.
        if let last, last.end?.kind != .release, last.entry.amount != facts.price {
            let price = facts.price.map { "\($0)" } ?? "no price"
            note(.jobPriceDiffers, last.entry, "\(price), the job's", "\(last.entry.amount)")
        }
    }

    private mutating func checkRefund(_ facts: AuditedJob.Facts) {
        guard let last, let settled = last.end, last.isSettled else { return }
        let isRefunded = facts.state == "failed" && facts.isRefunded == true
        if isRefunded, last.refunded != settled.amount {
            note(.refundDiffers, settled, "\(settled.amount) refunded, as the job says", "\(last.refunded)")
        }
        if !isRefunded, last.refunded > .zero {
            note(.refundDiffers, settled, "no refund, as the job says", "\(last.refunded)")
        }
    }
}

extension AuditedJob.Attempt {
    /// How its reservation may end.
    fileprivate func allows(_ kind: LedgerEntry.Kind) -> Bool {
        switch outcome {
        case "accepted": kind == .settle
        case "lost": kind == .settle || isProvenUncharged
        case "refused", "not_sent", "blocked": kind == .release
        default: false
        }
    }

    fileprivate var endings: String {
        switch outcome {
        case "accepted", "lost": "settle"
        case "refused", "not_sent", "blocked": "release"
        default: "no end"
        }
    }
}

extension AuditedJob.Facts {
    /// The money is on its way, and nobody knows yet whether it is spent.
    fileprivate var holdsMoney: Bool {
        state == "submitting" || (state == "attention" && attentionKind == "unknown_outcome")
    }

    fileprivate var isPaid: Bool { ["rendering", "downloading", "ready"].contains(state) }
    fileprivate var word: String { attentionKind.map { "\(state) (\($0))" } ?? state }
}
