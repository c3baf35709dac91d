import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

/// A small world: requests and charges by the second, with a minute of tolerance on either side.
private struct World {
    var attempts: [ReconciledAttempt] = []
    var entries: [UpstreamEntry] = []
    var readAt = 10_000.0
    var isWallet = false
    var tolerance = ReconciliationTolerance(clockSkew: 10, lateness: 50)

    static let model = "wan-2.5"

    @discardableResult
    mutating func attempt(
        _ outcome: String?, at start: Double, until end: Double? = nil, price: Money = .sample, balance: Money? = nil,
        hasVideo: Bool = false
    ) -> Int {
        let id = ReconciledAttempt.ID(user: .sample(), job: .sample(UInt64(attempts.count + 1)), token: 1)
        attempts.append(
            ReconciledAttempt(
                id: id, models: [Self.model], price: price, startedAt: Self.date(start),
                endedAt: outcome == nil ? nil : Self.date(end ?? start + 1), outcome: outcome, hasVideo: hasVideo,
                isUndecided: outcome == "lost", balance: balance))
        return attempts.count - 1
    }

    mutating func charge(
        _ amount: Money? = .sample, at second: Double?, label: String? = "wan-2.5-video", request: String? = nil
    ) {
        entries.append(
            UpstreamEntry(
                kind: .charge, amount: amount, at: second.map(Self.date), label: label, requestID: request))
    }

    static func date(_ second: Double) -> Date { Date.sample.addingTimeInterval(second) }

    var findings: [ReconciliationFinding] {
        let record = UpstreamRecord(
            name: "billing history", entries: entries, from: Self.date(-1000), readAt: Self.date(readAt),
            isWallet: isWallet)
        return Reconciliation(attempts: attempts, record: record, tolerance: tolerance)
            .findings(of: Self.date(0)..<Self.date(5000))
    }

    var verdicts: [Job.Attention.Verdict] { findings.map(\.verdict) }
}

@Suite struct ReconciliationTests {
    @Test func `a lost answer with no charge near it was not charged`() {
        var world = World()
        world.attempt("lost", at: 100)
        #expect(world.verdicts == [.notCharged])
        // Another time is no matter.
        world.charge(at: 89)
        world.charge(at: 162)
        #expect(world.verdicts == [.notCharged])
    }

    @Test func `a charge of its price and model that nothing else explains is its own`() throws {
        var world = World()
        world.attempt("lost", at: 100)
        world.charge(at: 101, request: "r-7")
        let finding = try #require(world.findings.first)
        #expect(finding.verdict == .charged)
        #expect(finding.evidence.last?.contains("a charge of $0.55 for wan-2.5-video at") == true)
        #expect(finding.evidence.last?.contains("(request r-7)") == true)
    }

    @Test(arguments: [90.0, 161.0]) func `the tolerance counts to its last second`(second: Double) {
        var world = World()
        world.attempt("lost", at: 100)
        world.charge(at: second)
        #expect(world.verdicts == [.charged])
    }

    @Test func `a charge that an accepted request needs is not a lost one's`() {
        var world = World()
        world.attempt("accepted", at: 99)
        world.attempt("lost", at: 100)
        world.charge(at: 100)
        #expect(world.verdicts == [.notCharged])
        world.charge(at: 101)
        #expect(world.verdicts == [.charged])
    }

    @Test func `one charge for two lost answers decides neither, two charges decide both`() {
        var world = World()
        world.attempt("lost", at: 100)
        world.attempt("lost", at: 101)
        world.charge(at: 101)
        #expect(world.verdicts == [.undecidable, .undecidable])
        world.charge(at: 102)
        #expect(world.verdicts == [.charged, .charged])
    }

    @Test func `a request that is still under way may be what a charge is for`() {
        var world = World()
        world.attempt("lost", at: 100)
        world.attempt(nil, at: 105)
        world.charge(at: 106)
        #expect(world.verdicts == [.undecidable])
    }

    @Test(arguments: ["refused", "not_sent", "blocked"])
    func `a request that was refused or never left accounts for no charge`(outcome: String) {
        var world = World()
        world.attempt(outcome, at: 99)
        world.attempt("lost", at: 100)
        world.charge(at: 101)
        #expect(world.verdicts == [.charged])
    }

    /// The price may have moved, the model may have been replaced, the record may be terse: never "not charged".
    @Test(
        arguments: [
            (Money("0.60"), "wan-2.5-video"), (Money("0.60"), "seedance-video"), (.sample, "something else"),
            (nil, "diem"),
            (Money("0.60"), nil),
        ] as [(Money?, String?)])
    func `a charge that may be its own for all we know leaves it undecided`(amount: Money?, label: String?) {
        var world = World()
        world.attempt("lost", at: 100)
        world.charge(amount, at: 101, label: label)
        #expect(world.verdicts == [.undecidable])
    }

    @Test func `a charge without a time may be anybody's`() {
        var world = World()
        world.attempt("lost", at: 100)
        world.charge(at: nil)
        #expect(world.verdicts == [.undecidable])
    }

    @Test func `what is plainly for something else is no charge for a video`() {
        var world = World()
        world.attempt("lost", at: 100)
        world.charge(Money("0.01"), at: 101, label: "llama-3.3-70b-llm-input-tokens")
        #expect(world.verdicts == [.notCharged])
    }

    @Test func `before the last moment at which a charge may be entered nothing is proven`() throws {
        var world = World()
        world.attempt("lost", at: 100)
        world.readAt = 160.9
        let finding = try #require(world.findings.first)
        #expect(finding.verdict == .undecidable)
        #expect(finding.askAgainAt == World.date(161))
        world.readAt = 161
        #expect(world.verdicts == [.notCharged])
    }

    @Test func `a record that lacks an accepted request's charge proves nothing`() throws {
        var world = World()
        world.attempt("accepted", at: 2000)
        world.attempt("lost", at: 100)
        let finding = try #require(world.findings.first)
        #expect(finding.verdict == .undecidable)
        #expect(finding.evidence.last?.contains("\(world.attempts[0].id.job)") == true)
        world.charge(at: 2001)
        #expect(world.verdicts == [.notCharged])
    }

    @Test func `a wallet's accepted request may have cost nothing unless its video is there`() {
        var world = World()
        world.isWallet = true
        world.attempt("accepted", at: 99)
        world.attempt("lost", at: 100)
        #expect(world.verdicts == [.notCharged])
        world.charge(at: 100)
        #expect(world.verdicts == [.undecidable])
        world.attempts[0].hasVideo = true
        #expect(world.verdicts == [.notCharged])
    }

    @Test func `where somebody else uses the account a fitting charge proves nothing`() throws {
        var world = World()
        world.attempt("lost", at: 100)
        world.charge(at: 101)
        world.charge(Money("0.30"), at: 102, label: "other-video")
        let finding = try #require(world.findings.first)
        #expect(finding.verdict == .undecidable)
        #expect(finding.evidence.last?.hasPrefix("Somebody else seems to use the account") == true)
    }

    @Test func `charges of one request count as one`() {
        var world = World()
        world.attempt("lost", at: 100)
        world.charge(Money("0.30"), at: 101, request: "r")
        world.charge(Money("0.25"), at: 102, request: "r")
        #expect(world.verdicts == [.charged])
    }

    @Test func `an entry that names a request is that one's and no other's`() {
        var world = World()
        world.attempt("accepted", at: 99)
        world.attempt("lost", at: 100)
        world.attempts[0].handles = ["q-1", "ray-1"]
        world.charge(at: 101, request: "q-1")
        #expect(world.verdicts == [.notCharged])
        // It takes none that is not its own, either.
        world.charge(at: 99)
        #expect(world.verdicts == [.charged])
    }

    @Test func `a credit is no charge`() {
        var world = World()
        world.attempt("lost", at: 100)
        world.entries = [UpstreamEntry(kind: .credit, amount: .sample, at: World.date(101), label: "wan-2.5-video")]
        #expect(world.verdicts == [.notCharged])
    }

    @Test func `a balance that fell all the same stands against a record without the charge`() throws {
        var world = World()
        world.attempt("accepted", at: 50, balance: Money("10"))
        world.charge(at: 50)
        world.attempt("lost", at: 500)
        world.attempt("accepted", at: 900, balance: Money("8.90"))
        world.charge(at: 900)
        let finding = try #require(world.findings.first)
        #expect(finding.verdict == .undecidable)
        #expect(finding.evidence.contains { $0.contains("which leaves $0.55") })
        world.attempts[2].balance = Money("9.45")
        #expect(world.verdicts == [.notCharged])
    }

    @Test func `only what began in the window is judged, and what lies around it still accounts for charges`() {
        var world = World()
        world.attempt("lost", at: -20)
        world.attempt("accepted", at: -5)
        world.attempt("lost", at: 10)
        world.charge(at: 0)
        world.charge(at: 1)
        #expect(world.findings.map(\.attempt.startedAt) == [World.date(10)])
    }

    // MARK: - properties

    /// Truth first: which requests were charged. Then a record of exactly that, with entries as late as the tolerance
    /// allows, and perhaps charges of others in it. A verdict other than undecidable has to be the truth.
    @Test(arguments: 0..<UInt64(300)) func `no verdict is ever wrong`(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var world = World()
        var isCharged: [ReconciledAttempt.ID: Bool] = [:]
        let prices = [Money.sample, Money("0.30")!]
        let isShared = seed.isMultiple(of: 3)
        for _ in 0..<Int.random(in: 1...12, using: &generator) {
            let outcome = ["accepted", "lost", "lost", "refused", nil].randomElement(using: &generator)!
            let start = Double.random(in: 0..<400, using: &generator)
            let index = world.attempt(outcome, at: start, price: prices.randomElement(using: &generator)!)
            let charged = outcome == "accepted" || (outcome != "refused" && Bool.random(using: &generator))
            isCharged[world.attempts[index].id] = charged
            guard charged else { continue }
            let late = Double.random(in: -10...61, using: &generator)
            // Now and then the price has moved since the quote.
            let moved = Int.random(in: 0..<6, using: &generator) == 0 ? Money("0.44")! : world.attempts[index].price
            world.charge(moved, at: start + late)
        }
        if isShared {
            for _ in 0..<3 { world.charge(at: Double.random(in: 0..<400, using: &generator)) }
        }
        world.entries.shuffle(using: &generator)
        for finding in world.findings {
            switch finding.verdict {
            case .notCharged: #expect(isCharged[finding.attempt.id] == false, "seed \(seed)")
            // A stranger's charge of exactly that price and time is the one thing that no record tells apart.
            case .charged: #expect(isShared || isCharged[finding.attempt.id] == true, "seed \(seed)")
            case .undecidable: break
            }
        }
    }

    /// Against a search through every way to tell which charge is whose.
    @Test(arguments: 0..<UInt64(300)) func `not charged is said exactly where no way leaves a charge`(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var world = World()
        for _ in 0..<Int.random(in: 1...5, using: &generator) {
            world.attempt(
                Bool.random(using: &generator) ? "accepted" : "lost", at: Double.random(in: 0..<150, using: &generator))
        }
        for _ in 0..<Int.random(in: 0...5, using: &generator) {
            world.charge(at: Double.random(in: 0..<200, using: &generator))
        }
        let certain = world.attempts.indices.filter { world.attempts[$0].outcome == "accepted" }
        let isWhole = Self.canMatch(certain[...], in: world, taken: [])
        for finding in world.findings {
            let index = world.attempts.firstIndex { $0.id == finding.attempt.id }!
            let isPossible = Self.canMatch((certain + [index])[...], in: world, taken: [])
            #expect((finding.verdict == .notCharged) == (isWhole && !isPossible), "seed \(seed)")
        }
    }

    private static func canMatch(_ rest: ArraySlice<Int>, in world: World, taken: Set<Int>) -> Bool {
        guard let first = rest.first else { return true }
        let attempt = world.attempts[first]
        let window = attempt.startedAt.addingTimeInterval(-10)...attempt.startedAt.addingTimeInterval(61)
        return world.entries.indices.contains { index in
            !taken.contains(index) && window.contains(world.entries[index].at!)
                && canMatch(rest.dropFirst(), in: world, taken: taken.union([index]))
        }
    }
}
