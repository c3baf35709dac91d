import Foundation
import Testing

@testable import VeniceSimulator

struct WindowTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    @Test func `a rate window admits its limit in any stretch and tells when the next call fits`() {
        var window = RateWindow(limit: 3, seconds: 60)
        #expect(window.admit(at: start) == .admitted(remaining: 2))
        #expect(window.admit(at: start + 10) == .admitted(remaining: 1))
        #expect(window.admit(at: start + 20) == .admitted(remaining: 0))
        #expect(window.admit(at: start + 59.9) == .refused(until: start + 60))
        #expect(window.admit(at: start + 60) == .admitted(remaining: 0))
        #expect(window.admit(at: start + 69) == .refused(until: start + 70))
    }

    @Test func `never more than the limit falls into a window, whatever the pattern of calls`() {
        var dice = Dice(seed: 3)
        var window = RateWindow(limit: 40, seconds: 60)
        var now = start
        var admitted: [Date] = []
        for _ in 0..<2_000 {
            now += dice.unit() * 2
            if case .admitted = window.admit(at: now) { admitted.append(now) }
        }
        for (index, first) in admitted.enumerated() where index + 40 < admitted.count {
            #expect(admitted[index + 40].timeIntervalSince(first) >= 60)
        }
        #expect(admitted.count > 1_000)
    }

    @Test func `the failure after the last allowed one blocks for as long as the window`() {
        var abuse = AbuseWindow(limit: 20, seconds: 30)
        for second in 0..<20 { abuse.recordFailure(at: start + Double(second)) }
        #expect(abuse.block(at: start + 20) == nil)
        abuse.recordFailure(at: start + 20)
        #expect(abuse.block(at: start + 20) == start + 50)
        #expect(abuse.block(at: start + 49.9) != nil)
        #expect(abuse.block(at: start + 50) == nil)
    }

    @Test func `failures older than the window are forgotten`() {
        var abuse = AbuseWindow(limit: 2, seconds: 30)
        for second in [0.0, 31, 62, 93] { abuse.recordFailure(at: start + second) }
        #expect(abuse.block(at: start + 93) == nil)
        #expect(abuse.remaining(at: start + 93) == 1)
    }

    @Test func `half of the renderings end by the median and four of five by the P80`() {
        let law = RenderLaw()
        var dice = Dice(seed: 11)
        let times = (0..<4_000).map { _ in law.draw(.text, videoSeconds: 5, &dice) }
        let (median, p80) = (law.median(.text, videoSeconds: 5), law.p80(.text, videoSeconds: 5))
        #expect((1_900...2_100).contains(times.count { $0 <= median }))
        #expect((3_120...3_280).contains(times.count { $0 <= p80 }))
    }

    @Test func `without spread every job takes the median`() {
        let law = RenderLaw(medians: [.image: 90], sigma: 0)
        var dice = Dice(seed: 1)
        #expect(law.draw(.image, videoSeconds: 5, &dice) == 90)
    }

    @Test func `ids drawn by lot are version 4 UUIDs and repeat with the seed`() {
        var (dice, again) = (Dice(seed: 5, "job|1"), Dice(seed: 5, "job|1"))
        let id = dice.uuid()
        #expect(UUID(uuidString: id)?.uuidString.lowercased() == id)
        #expect(id.split(separator: "-")[2].hasPrefix("4"))
        #expect(again.uuid() == id)
    }
}
