import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore
@testable import SyncService

struct ExplanationTests {
    private typealias Code = Explanation.Code

    /// A job of the account `main` that is due now, with a worker at work and nothing in the way.
    private static func facts(
        _ state: JobState = .accepted, _ change: (inout ExplainFacts) -> Void = { _ in }
    ) -> ExplainFacts {
        let job = NewJob(JobSubmission(request: .sample), id: .sample(), user: .sample(), account: "main")
        var record = JobRecord(new: job, json: Data(), sequence: 1, isSeated: true, at: .sample)
        record.progress.state = state
        var facts = ExplainFacts(record: record, at: .sample, limits: LimitReport(budgets: [], models: []))
        facts.processes = [process("w:1")]
        change(&facts)
        return facts
    }

    private static func process(
        _ name: String, _ standing: ProcessRecord.Standing = .working, silent: TimeInterval = 1, stuck: [String] = []
    ) -> ProcessRecord {
        ProcessRecord(
            id: .sample(), name: name, host: "w", pid: 1, version: "1", roles: [.worker], startedAt: .sample,
            seenAt: .sample.addingTimeInterval(-silent), silentSeconds: silent, beatSeconds: 5, opsListen: "",
            feedClients: 0, jobsInHand: 0, leases: 0, stuckLoops: stuck, drainAskedAt: nil, isDraining: false,
            recent: RecentFigures(), standing: standing)
    }

    private static func budget(
        _ endpoint: String = "queue", _ change: (inout LimitReport.Budget) -> Void
    ) -> LimitReport {
        var budget = LimitReport.Budget(
            account: "main", endpoint: endpoint, configured: 40, limit: 40, windowSeconds: 60, used: 0,
            freeSeconds: nil, toldLimit: nil, toldSeconds: nil, heldSeconds: nil, breaker: .closed, restSeconds: nil,
            failures: 0, failureLimit: 15)
        change(&budget)
        return LimitReport(budgets: [budget], models: [])
    }

    private static func pause(_ seconds: TimeInterval?, probe: String? = nil) -> LimitReport {
        let model = LimitReport.Model(
            model: VideoModel.sample.id, failures: 2, reason: "at capacity", since: .sample, pausedSeconds: seconds,
            probe: probe)
        return LimitReport(budgets: [], models: [model])
    }

    private static func later(_ seconds: TimeInterval) -> Date { Date.sample.addingTimeInterval(seconds) }

    private func expect(
        _ facts: ExplainFacts, _ codes: [Code], _ words: String = "", until: Date? = nil,
        _ location: SourceLocation = #_sourceLocation
    ) {
        let findings = facts.findings
        #expect(findings.map(\.code) == codes, "\(findings)", sourceLocation: location)
        let text = "\(findings.first?.what ?? "") / \(findings.first?.release ?? "")"
        #expect(words.isEmpty || text.contains(words), "\(text)", sourceLocation: location)
        if let until { #expect(findings.first?.until == until, "\(findings)", sourceLocation: location) }
    }

    @Test func `a job that has ended is held by nothing`() {
        expect(Self.facts(.cancelled), [.ended])
        expect(Self.facts(.failed(Failure(.refused, "too dark"))), [.ended], "too dark")
        var delivery = Delivery.sample
        delivery.isCleanedUp = true
        expect(Self.facts(.ready(delivery)), [.ended], "the video is here")
    }

    @Test func `a decision names the command that makes it, and waits for no worker`() {
        let unknown = Attention.unknownOutcome(.sample, evidence: "the answer was lost")
        expect(Self.facts(.attention(unknown)) { $0.processes = [] }, [.unknownOutcome], "gondola ledger reconcile")
        expect(
            Self.facts(.attention(unknown)) { $0.record.progress.verdict = .charged }, [.unknownOutcome],
            "shows a charge")
        expect(Self.facts(.attention(.accountBlocked(evidence: "401"))), [.accountBlocked], "gondola accounts test")
    }

    @Test func `a job that is due is taken at any moment, and one that is overdue wants to be looked at`() {
        expect(Self.facts(), [.overdue], "at any moment")
        expect(Self.facts { $0.at = Self.later(300) }, [.overdue], "gondola top")
        expect(Self.facts { $0.record.nextActionAt = Self.later(9) }, [.dueTime], "its time", until: Self.later(9))
    }

    @Test func `without a worker nothing moves, and that stands first`() {
        expect(Self.facts { $0.processes = [] }, [.noWorker, .overdue], "none is in the register")
        expect(
            Self.facts {
                $0.processes = [Self.process("w:1", .silent), Self.process("w:2", .stuck, stuck: ["claims"])]
            }, [.noWorker, .overdue], "w:1 is silent, w:2 is stuck")
        // It makes no posters, and takes jobs all the same.
        expect(Self.facts { $0.processes = [Self.process("w:1", .stuck, stuck: ["media"])] }, [.overdue])
        expect(Self.facts { $0.hasAccount = false }, [.account, .overdue], "\"main\"")
    }

    @Test func `a job that waits for its turn says how many come before it`() {
        func waiting(active: Int, limit: Int, ahead: Int) -> ExplainFacts {
            Self.facts {
                $0.record.nextActionAt = nil
                ($0.line.active, $0.line.limit, $0.line.ahead) = (active, limit, ahead)
            }
        }
        expect(waiting(active: 20, limit: 20, ahead: 3), [.turn], "3 of the user's jobs come before it")
        expect(waiting(active: 20, limit: 20, ahead: 0), [.turn], "one of the user's jobs ends")
        expect(waiting(active: 1, limit: 20, ahead: 0), [.turn], "within seconds")
        expect(waiting(active: 0, limit: 0, ahead: 0), [.turn], "which is 0")
    }

    @Test func `the upstream's limits are told with their ends`() {
        let quoted = JobState.quoted(.sample)
        expect(
            Self.facts(quoted) {
                $0.limits = Self.budget { ($0.used, $0.freeSeconds) = (40, 12) }
                ($0.line.submissions, $0.line.users) = (30, 4)
            }, [.rateBudget, .overdue], "30 submissions of 4 users", until: Self.later(12))
        expect(Self.facts(quoted) { $0.limits = Self.budget { $0.used = 39 } }, [.overdue])
        expect(
            Self.facts(quoted) { $0.limits = Self.budget { $0.heldSeconds = 7 } }, [.upstreamPause, .overdue],
            "left alone", until: Self.later(7))
        expect(
            Self.facts(quoted) { $0.limits = Self.budget { ($0.breaker, $0.restSeconds) = (.resting, 30) } },
            [.breaker, .overdue], "refusals", until: Self.later(30))
        expect(
            Self.facts(quoted) { $0.limits = Self.budget { $0.breaker = .probing } }, [.breaker, .overdue], "single")
        // A price is asked without either budget, and a rendering needs the other one.
        expect(Self.facts { $0.limits = Self.budget { $0.used = 40 } }, [.overdue])
        expect(Self.facts(.rendering(.sample)) { $0.limits = Self.budget { $0.used = 40 } }, [.overdue])
        expect(
            Self.facts(.rendering(.sample)) { $0.limits = Self.budget("retrieve") { $0.used = 40 } },
            [.rateBudget, .overdue])
    }

    @Test func `a model that is away is told with what brings it back`() {
        expect(
            Self.facts { $0.limits = Self.pause(15) }, [.modelPaused, .overdue], "at capacity", until: Self.later(15))
        expect(Self.facts { $0.limits = Self.pause(nil) }, [.modelPaused, .overdue], "hears that it is there")
        let own = JobID.sample().description
        expect(Self.facts { $0.limits = Self.pause(nil, probe: own) }, [.modelPaused, .overdue], "this job tries")
        expect(Self.facts { $0.isModelOffline = true }, [.modelOffline, .overdue], "lists the model")
        expect(Self.facts(.rendering(.sample)) { $0.limits = Self.pause(15) }, [.overdue])
    }

    @Test func `money and room hold back what is not paid yet`() {
        func capped(_ spent: String) -> ExplainFacts {
            Self.facts(.quoted(.sample)) {
                $0.cap = Budget(
                    limits: SpendingLimits(perDay: Money("1")), spentToday: Money(spent)!, spentThisMonth: Money(spent)!
                )
            }
        }
        let midnight = BudgetPeriod.day.renewal(after: .sample)
        expect(capped("0.5"), [.spendingCap, .overdue], "$1", until: midnight)
        expect(capped("0.4"), [.overdue])
        expect(
            Self.facts(.quoted(.sample)) { $0.room = (free: 10, floor: 11) }, [.diskFloor, .overdue],
            "GONDOLA_STORAGE_FLOOR")
        expect(Self.facts(.quoted(.sample)) { $0.room = (free: 11, floor: 11) }, [.overdue])
        expect(Self.facts { $0.room = (free: 10, floor: 11) }, [.overdue])
    }

    @Test func `what is paid is brought home without room for more, and a video without a request`() {
        func short(_ state: JobState) -> ExplainFacts {
            Self.facts(state) {
                $0.room = (free: 10, floor: 11)
                $0.limits = Self.budget("retrieve") { $0.used = 40 }
            }
        }
        expect(short(.rendering(.sample)), [.rateBudget, .overdue])
        expect(short(.downloading(.sample)), [.overdue])
        expect(short(.ready(.sample)), [.rateBudget, .overdue])
    }

    @Test func `a lease says whose it is, and whether somebody is still behind it`() {
        func leased(_ processes: [ProcessRecord], until end: TimeInterval = 10) -> ExplainFacts {
            Self.facts(.rendering(.sample)) {
                ($0.record.leasedBy, $0.record.nextActionAt) = ("w:1", Self.later(end))
                $0.processes = processes + [Self.process("w:9")]
            }
        }
        expect(leased([Self.process("w:1")]), [.lease], "w:1 has it in hand", until: Self.later(10))
        expect(leased([Self.process("w:1", .silent, silent: 40)]), [.leaseOrphaned], "40 s", until: Self.later(10))
        // The run before was killed, and its row is still there.
        let killed = Self.process("w:1", .silent, silent: 10_000)
        expect(leased([killed, Self.process("w:1")]), [.lease], "w:1 has it in hand")
        expect(leased([]), [.leaseOrphaned], "not in the register", until: Self.later(10))
        expect(leased([], until: -5), [.leaseOrphaned], "ended 5 s ago")
    }

    @Test func `a paid request under way waits for its answer alone`() {
        let submitting = JobState.submitting(.sample, by: .sample)
        func leased(_ standing: ProcessRecord.Standing) -> ExplainFacts {
            Self.facts(submitting) {
                ($0.record.leasedBy, $0.record.nextActionAt) = ("w:1", Self.later(10))
                $0.processes = [Self.process("w:1", standing), Self.process("w:2")]
                $0.limits = Self.budget { $0.used = 40 }
            }
        }
        expect(leased(.working), [.upstream, .lease], "nothing is sent again by itself")
        expect(leased(.silent), [.leaseOrphaned])
    }

    @Test func `tries that went wrong are told with the last trouble`() {
        expect(
            Self.facts(.quoted(.sample)) {
                ($0.record.progress.setbacks, $0.record.lastSetback) = (3, "503")
                $0.record.nextActionAt = Self.later(20)
            }, [.setback], "3 tries went wrong, the last one so: 503", until: Self.later(20))
    }

    @Test func `everything at once stands in the order in which it has to go away`() {
        let facts = Self.facts(.quoted(.sample)) {
            $0.processes = []
            $0.hasAccount = false
            $0.limits = Self.budget { ($0.used, $0.heldSeconds, $0.breaker) = (40, 3, .resting) }
            $0.limits.models = Self.pause(15).models
            $0.cap = Budget(limits: SpendingLimits(perMonth: Money("0.1")))
            $0.room = (free: 0, floor: 1)
            $0.record.nextActionAt = Self.later(5)
        }
        expect(
            facts,
            [
                .noWorker, .account, .modelPaused, .spendingCap, .diskFloor, .breaker, .upstreamPause, .rateBudget,
                .dueTime,
            ])
    }
}
