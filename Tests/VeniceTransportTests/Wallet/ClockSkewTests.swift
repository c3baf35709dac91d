import Foundation
import Testing

@testable import VeniceTransport

@Suite struct ClockSkewTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    /// The header that a service whose clock is `ahead` writes at our `time`.
    private func header(_ time: Date, ahead: TimeInterval) -> Date {
        Date(timeIntervalSince1970: time.addingTimeInterval(ahead).timeIntervalSince1970.rounded(.down))
    }

    @Test func `clocks that agree teach nothing`() {
        var skew = ClockSkew()
        for step in 0..<100 {
            let sent = start.addingTimeInterval(Double(step) * 1.37)
            skew.learn(date: header(sent.addingTimeInterval(0.1), ahead: 0), sent: sent, received: sent + 0.2)
            #expect(skew.offset == 0)
        }
    }

    @Test func `the estimate comes within the answer's time and a second, and stays there`() {
        var dice = SeededGenerator(7)
        for _ in 0..<300 {
            let ahead = Double.random(in: -80_000...80_000, using: &dice)
            var (skew, time) = (ClockSkew(), start)
            for _ in 0..<20 {
                let way = Double.random(in: 0.001...30, using: &dice)
                let moment = time.addingTimeInterval(Double.random(in: 0...way, using: &dice))
                skew.learn(date: header(moment, ahead: ahead), sent: time, received: time + way)
                #expect(abs(skew.offset - ahead) <= way + 1)
                time += way + Double.random(in: 0...100, using: &dice)
            }
            let quick = skew.offset
            skew.learn(date: header(time + 29, ahead: ahead), sent: time, received: time + 30)
            #expect(abs(skew.offset - ahead) <= max(abs(quick - ahead), 0))
        }
    }

    @Test func `a header from another age is left aside`() {
        var skew = ClockSkew()
        skew.learn(date: start + 100, sent: start, received: start + 1)
        let known = skew.offset
        #expect(known == 99)
        for absurd in [Date(timeIntervalSince1970: 0), .distantFuture, start + 90_000, start - 90_000] {
            skew.learn(date: absurd, sent: start, received: start + 1)
            #expect(skew.offset == known)
        }
    }

    @Test func `a clock that was set back during a request does not turn the interval round`() {
        var skew = ClockSkew()
        skew.learn(date: start, sent: start, received: start - 5)
        #expect((-5...6).contains(skew.offset))
        #expect(skew.time(at: start) == start + skew.offset)
    }
}
