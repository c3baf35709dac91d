import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

/// A job's money in a few words: the state, its attempts' outcomes, its rows.
struct AuditCase: Sendable, CustomTestStringConvertible {
    var state: String
    /// `accepted`, `lost`, `-` for one under way, …
    var attempts: String
    /// `reserve settle`, with `:amount` where it is not the price.
    var rows: String
    /// `rule@number`, `rule@-`
    var findings: String
    var isRefunded: Bool?

    init(_ state: String, _ attempts: String, _ rows: String, _ findings: String = "", isRefunded: Bool? = nil) {
        (self.state, self.attempts, self.rows, self.findings) = (state, attempts, rows, findings)
        self.isRefunded = isRefunded
    }

    var testDescription: String { "\(state): \(attempts) | \(rows)" }

    var job: AuditedJob {
        let words = state.split(separator: "/").map(String.init)
        var job = AuditedJob(user: .sample(), id: .sample(), facts: nil)
        if state != "none" {
            job.facts = .init(
                state: words[0], attentionKind: words.count > 1 ? words[1] : nil,
                price: words[0] == "accepted" ? nil : .sample, isRefunded: isRefunded)
        }
        job.attempts = attempts.split(separator: " ").enumerated().map { index, word in
            let parts = word.split(separator: ":")
            let outcome = parts[0] == "-" ? nil : parts[0] == "uncharged" ? "lost" : String(parts[0])
            return .init(
                token: Int64(index + 1), price: parts.count > 1 ? Money(String(parts[1]))! : .sample, outcome: outcome,
                isProvenUncharged: parts[0] == "uncharged")
        }
        job.entries = rows.split(separator: " ").enumerated().map { index, word in
            let parts = word.split(separator: ":")
            return LedgerEntry(
                number: Int64(index + 1), kind: .init(rawValue: String(parts[0]))!,
                amount: parts.count > 1 ? Money(String(parts[1]))! : .sample, at: .sample)
        }
        return job
    }
}

@Suite struct LedgerAuditTests {
    static let sound: [AuditCase] = [
        AuditCase("accepted", "", ""), AuditCase("quoted", "", ""), AuditCase("cancelled", "", ""),
        AuditCase("submitting", "-", "reserve"),
        AuditCase("attention/unknown_outcome", "lost", "reserve"),
        AuditCase("attention/account_blocked", "blocked", "reserve release"),
        AuditCase("attention/consent_needed", "refused", "reserve release"),
        AuditCase("attention/restored", "", ""), AuditCase("attention/restored", "lost", "reserve settle"),
        AuditCase("rendering", "accepted", "reserve settle"), AuditCase("ready", "accepted", "reserve settle"),
        AuditCase("downloading", "not_sent accepted", "reserve release reserve settle"),
        AuditCase("failed", "refused", "reserve release"),
        AuditCase("failed", "accepted", "reserve settle"),
        AuditCase("failed", "accepted", "reserve settle refund", isRefunded: true),
        AuditCase("failed", "lost", "reserve settle"),
        AuditCase("failed", "uncharged", "reserve release", isRefunded: true),
        AuditCase("ready", "lost accepted", "reserve settle reserve settle"),
        AuditCase("quoted", "lost", "reserve settle"),
        // Priced anew after a consent: what was released before had another price.
        AuditCase("ready", "refused:0.40 accepted", "reserve:0.40 release:0.40 reserve settle"),
    ]

    @Test(arguments: sound) func `a job whose money adds up has no finding`(sound: AuditCase) {
        #expect(sound.job.findings() == [])
    }

    static let broken: [AuditCase] = [
        AuditCase("none", "accepted", "reserve settle", "job_missing@1"),
        AuditCase("none", "accepted", "", "job_missing@-"),
        AuditCase("rendering", "accepted accepted", "reserve reserve settle", "reserved_twice@2"),
        AuditCase("rendering", "accepted", "settle", "nothing_reserved@1 reservation_missing@- settlement_missing@-"),
        AuditCase("failed", "accepted", "reserve settle settle", "nothing_reserved@3"),
        AuditCase("failed", "refused", "reserve release release", "nothing_reserved@3"),
        AuditCase("ready", "accepted", "reserve settle release", "nothing_reserved@3"),
        AuditCase("ready", "accepted", "reserve settle:0.54", "amount_differs@2"),
        AuditCase("failed", "refused", "reserve release:0.56", "amount_differs@2"),
        AuditCase("failed", "refused", "reserve release refund", "refund_without_settlement@3"),
        AuditCase("ready", "accepted", "refund reserve settle", "refund_without_settlement@1"),
        AuditCase(
            "failed", "accepted", "reserve settle refund refund", "refund_without_settlement@4 refund_differs@2",
            isRefunded: true),
        AuditCase(
            "failed", "accepted", "reserve settle refund:0.56", "refund_without_settlement@3 refund_differs@2",
            isRefunded: true),
        AuditCase("ready", "", "reserve settle", "attempt_missing@1"),
        AuditCase("ready", "accepted accepted", "reserve settle", "reservation_missing@-"),
        AuditCase("ready", "accepted:0.54", "reserve settle", "attempt_price_differs@1"),
        AuditCase("ready", "refused", "reserve settle", "outcome_differs@2"),
        AuditCase("failed", "accepted", "reserve release", "outcome_differs@2"),
        AuditCase("failed", "lost", "reserve release", "outcome_differs@2"),
        AuditCase("failed", "-", "reserve release", "outcome_differs@2"),
        AuditCase(
            "ready", "accepted:0.54", "reserve:0.54 settle:0.54", "job_price_differs@1"),
        AuditCase("submitting", "accepted", "reserve settle", "held_in_wrong_state@2"),
        AuditCase("attention/unknown_outcome", "", "", "held_in_wrong_state@-"),
        AuditCase("failed", "lost", "reserve", "held_in_wrong_state@1"),
        AuditCase("attention/consent_needed", "refused", "reserve", "held_in_wrong_state@1"),
        AuditCase("rendering", "accepted", "reserve", "held_in_wrong_state@1 settlement_missing@1"),
        AuditCase("ready", "", "", "settlement_missing@-"),
        AuditCase("rendering", "refused", "reserve release", "settlement_missing@2"),
        AuditCase("failed", "accepted", "reserve settle", "refund_differs@2", isRefunded: true),
        AuditCase("failed", "accepted", "reserve settle refund", "refund_differs@2", isRefunded: false),
        AuditCase("ready", "accepted", "reserve settle refund", "refund_differs@2"),
    ]

    @Test(arguments: broken) func `what does not add up is named by rule and row`(broken: AuditCase) {
        let found = broken.job.findings().map { finding in
            "\(finding.rule.rawValue)@\(finding.number.map { String($0) } ?? "-")"
        }
        #expect(found.joined(separator: " ") == broken.findings)
    }

    @Test func `every rule of a job is in the table`() {
        let named = Set(Self.broken.flatMap { $0.findings.split { " @".contains($0) }.map(String.init) })
        for rule in AuditFinding.Rule.allCases where rule != .counterDiffers { #expect(named.contains(rule.rawValue)) }
    }

    @Test func `the rows of a job that is long gone are held against each other, younger ones want their job`() {
        let later = Date.sample.addingTimeInterval(1)
        for rows in ["reserve settle", "reserve settle refund", "reserve release reserve settle"] {
            let gone = AuditCase("none", "", rows).job
            #expect(gone.findings(forgottenBefore: later) == [])
            #expect(gone.findings(forgottenBefore: .sample).map(\.rule) == [.jobMissing])
        }
        for (rows, rule) in [("reserve", AuditFinding.Rule.heldInWrongState), ("settle", .nothingReserved)] {
            #expect(AuditCase("none", "", rows).job.findings(forgottenBefore: later).map(\.rule) == [rule])
        }
        #expect(AuditCase("none", "accepted", "").job.findings(forgottenBefore: later).map(\.rule) == [.jobMissing])
    }

    @Test func `a finding says what was expected and what was found`() throws {
        let finding = try #require(AuditCase("ready", "accepted", "reserve settle:0.54").job.findings().first)
        #expect(finding.expected == "$0.55, as reserved")
        #expect(finding.found == "$0.54")
        #expect(finding.user == .sample() && finding.job == .sample())
    }

    /// Any one row removed, doubled, changed in kind or in amount is noticed.
    @Test(arguments: sound.filter { !$0.rows.isEmpty })
    func `no single damage to a sound job's rows goes unnoticed`(sound: AuditCase) {
        for index in sound.job.entries.indices {
            var removed = sound.job
            removed.entries.remove(at: index)
            var doubled = sound.job
            doubled.entries.insert(doubled.entries[index], at: index)
            var dearer = sound.job
            dearer.entries[index].amount = dearer.entries[index].amount + Money("0.000001")!
            for damaged in [removed, doubled, dearer] { #expect(!damaged.findings().isEmpty) }
            for kind in LedgerEntry.Kind.allCases where kind != sound.job.entries[index].kind {
                var changed = sound.job
                changed.entries[index].kind = kind
                #expect(!changed.findings().isEmpty, "number \(index + 1) as \(kind)")
            }
        }
    }

    @Test func `the first finding is the one with the lowest number, whatever the order of the jobs`() {
        var report = AuditReport()
        for number in [7, 3, 5] as [Int64] {
            var job = AuditCase("failed", "refused", "settle").job
            job.entries[0].number = number
            report.add(job)
        }
        report.add([AuditFinding(user: .sample(), rule: .counterDiffers, expected: "a", found: "b")])
        #expect(report.first?.number == 3)
        #expect(report.findings.last?.number == nil)
        #expect(report.broken == ["nothing_reserved": 3, "reservation_missing": 3, "counter_differs": 1])
        #expect(report.count == 7 && !report.isSound)
        for _ in 0..<100 { report.add(AuditCase("none", "", "reserve").job) }
        #expect(report.findings.count == AuditReport.mostFindings)
    }
}

@Suite struct SpendingTallyTests {
    private func at(_ text: String) throws -> Date { try #require(Wire.date(from: text)) }

    @Test func `what comes back counts in the period of its reservation`() throws {
        let late = try at("2026-11-30T23:59:59.999Z")
        let next = try at("2026-12-01T00:00:00.000Z")
        func entry(_ kind: LedgerEntry.Kind, _ at: Date) -> LedgerEntry {
            LedgerEntry(number: 1, kind: kind, amount: .sample, at: at)
        }
        var tally = SpendingTally()
        for rows in [
            [entry(.reserve, late), entry(.settle, next)], [entry(.reserve, late), entry(.release, next)],
            [entry(.reserve, late), entry(.settle, next), entry(.refund, next)], [entry(.reserve, next)],
        ] {
            tally.add(AuditedJob(user: .sample(), id: .sample(), facts: nil, entries: rows).spending)
        }
        let day = Int(next.timeIntervalSince1970 / 86_400)
        let expected: [SpendingTally.Period: Money] = [
            .init(.day, firstDay: day - 1): .sample, .init(.month, firstDay: day - 30): .sample,
            .init(.day, firstDay: day): .sample, .init(.month, firstDay: day): .sample,
        ]
        #expect(tally.sums == expected)
        #expect(tally.findings(for: .sample(), counters: expected) == [])
    }

    @Test func `a counter that is off is named with its period, and a missing one counts as nothing`() throws {
        var tally = SpendingTally()
        tally.add([(try at("2026-11-21T09:30:00Z"), .sample)])
        let findings = tally.findings(for: .sample(), counters: [.init(.day, firstDay: 20_778): .zero])
        #expect(findings.map(\.rule) == [.counterDiffers, .counterDiffers])
        #expect(findings.first?.expected == "$0.55 of the month that begins 2026-11-01")
        #expect(findings.last?.expected == "$0.55 of the day that begins 2026-11-21")
        #expect(findings.last?.found == "$0.00")
    }
}
