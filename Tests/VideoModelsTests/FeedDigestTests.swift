import Testing

@testable import VideoModels

@Suite struct FeedDigestTests {
    private let key = Change.ObjectKey(kind: .known(.job), id: "019aa5d2-7f41-7b52-9c0e-3a1d2f4b5c6d")

    /// Worked out apart from this code, in Python, after the words of the doc comment.
    @Test func `an object's digest is the documented one`() {
        #expect(FeedDigest(of: key, sequence: 41).text == "c47fec5183bfe4393e37cb7dcf2575cf")
        #expect(FeedDigest.place(of: key) == "2cf9d3f43595d2de")
    }

    @Test func `the order does not count, and what is taken off again was never there`() throws {
        let keys = (0..<50).map { Change.ObjectKey(kind: .known(.video), id: "\($0)") }
        let all = zip(keys, 1...).map { FeedDigest(of: $0, sequence: $1) }
        let sum = all.reduce(FeedDigest(), +)
        #expect(sum == all.reversed().reduce(FeedDigest(), +))
        #expect(sum.count == 50)
        #expect(all.dropFirst().reduce(sum, -) == all[0])
        #expect(sum == FeedDigest(count: 50, text: sum.text))
    }

    @Test func `a version, a kind or an object more makes another digest`() {
        let other = Change.ObjectKey(kind: .known(.video), id: key.id)
        let digests = [
            FeedDigest(), FeedDigest(of: key, sequence: 1), FeedDigest(of: key, sequence: 2),
            FeedDigest(of: other, sequence: 1), FeedDigest(of: key, sequence: 1) + FeedDigest(of: other, sequence: 2),
        ]
        #expect(Set(digests.map(\.text)).count == digests.count)
    }

    @Test(arguments: ["", "0", String(repeating: "g", count: 32), "+" + String(repeating: "0", count: 31)])
    func `text that is no digest is not read`(_ text: String) {
        #expect(FeedDigest(count: 1, text: text) == nil)
    }
}
