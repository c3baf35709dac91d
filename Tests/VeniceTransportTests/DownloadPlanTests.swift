import Foundation
import HTTPTransport
import Testing

@testable import VeniceTransport

/// The decisions of a broken download, as tables (PROTOCOL §6).
struct DownloadPlanTests {
    private static let tagged: HTTPHeaders = ["ETag": "\"a\"", "Accept-Ranges": "bytes"]

    private func plan(_ headers: HTTPHeaders = tagged, length: Int? = 100, received: Int = 40) -> DownloadPlan {
        DownloadPlan(FileIdentity(headers, length: length), received: received, policy: DownloadPolicy())
    }

    @Test(
        arguments: [
            (["ETag": "\"a\""], 100, true), (["ETag": "\"a\""], nil, true), (["ETag": "W/\"a\""], 100, false),
            (["ETag": "\"a\"", "Accept-Ranges": "none"], 100, false), ([:], 100, false),
            (["ETag": "\"a\"", "Content-Encoding": "gzip"], nil, false),
            (["ETag": "\"a\"", "Content-Encoding": "identity"], 100, true),
            (["Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"], 100, true),
            (["Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"], nil, false), (["Accept-Ranges": "bytes"], 100, false),
            (["ETag": "W/\"a\"", "Accept-Ranges": "bytes"], 100, false),
            (["Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT", "Accept-Ranges": "bytes"], 100, true),
            (["Accept-Ranges": "bytes"], nil, false),
        ] as [(HTTPHeaders, Int?, Bool)])
    func `a transfer is gone on with only where the rest can be told from another file's`(
        headers: HTTPHeaders, length: Int?, isPossible: Bool
    ) {
        var plan = plan(headers, length: length)
        let decision = plan.broke(.interrupted)
        #expect(decision.isWait == isPossible)
        #expect(FileIdentity(headers, length: length).canResume == isPossible)
    }

    @Test(
        arguments: [
            (.interrupted, true), (.truncated, true), (.timedOut(.idle), true), (.timedOut(.firstByte), true),
            (.unreachable, true), (.tls, true), (.timedOut(.total), false), (.cancelled, false), (.stopped, false),
            (.malformed, false), (.tooLarge(limit: 1), false), (.other(code: 1), false),
        ] as [(HTTPClientError.Reason, Bool)])
    func `which troubles another try may mend`(reason: HTTPClientError.Reason, isMended: Bool) {
        var plan = plan()
        let decision = plan.broke(reason)
        #expect(decision.isWait == isMended)
    }

    @Test(
        arguments: [
            (206, ["Content-Range": "bytes 40-99/100", "ETag": "\"a\""], "append"),
            (206, ["Content-Range": "bytes 40-59/100"], "append"), (206, ["Content-Range": "Bytes 40-99/*"], "append"),
            (206, ["Content-Range": "bytes 39-99/100"], "start over"),
            (206, ["Content-Range": "bytes 40-99/101"], "start over"),
            (206, ["Content-Range": "bytes 40-100/*"], "start over"),
            (206, ["Content-Range": "bytes 40-99/100", "ETag": "\"b\""], "start over"),
            (206, ["Content-Range": "bytes 40-99/100", "Content-Encoding": "gzip"], "start over"),
            (206, [:], "start over"), (206, ["Content-Range": "bytes 99-40/100"], "start over"),
            (206, ["Content-Range": "bytes 40-/100"], "start over"),
            (206, ["Content-Range": "bytes +40-99/100"], "start over"),
            (206, ["Content-Range": "bytes 40-99999999999999999999/*"], "start over"),
            (206, ["Content-Type": "multipart/byteranges; boundary=x"], "start over"),
            (200, ["ETag": "\"a\""], "start over"), (416, ["Content-Range": "bytes */30"], "start over"),
            (404, [:], "give up"), (410, [:], "give up"), (401, [:], "give up"), (403, [:], "give up"),
            (302, ["Location": "https://evil.example"], "give up"), (204, [:], "give up"),
            (429, [:], "wait 30.0 seconds"), (429, ["Retry-After": "5"], "wait 5.0 seconds"),
            (429, ["Retry-After": "3600"], "give up"), (500, [:], "wait 1.0 seconds"), (502, [:], "wait 1.0 seconds"),
            (503, [:], "wait 1.0 seconds"), (504, [:], "wait 1.0 seconds"), (408, [:], "wait 1.0 seconds"),
        ] as [(Int, HTTPHeaders, String)])
    func `what an answer to the question for the rest means`(status: Int, headers: HTTPHeaders, decision: String) {
        var plan = plan()
        let answer = plan.answered(status, headers, now: Date(timeIntervalSince1970: 0))
        #expect(answer.words == decision)
    }

    @Test func `a date that changed is another file, where there is no tag`() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        var plan = plan(["Last-Modified": date])
        #expect(plan.rangeHeaders.map(\.value) == ["bytes=40-", date])
        let range = "bytes 40-99/100"
        let other: HTTPHeaders = ["Content-Range": range, "Last-Modified": "Mon, 07 Nov 1994 08:49:37 GMT"]
        let changed = plan.answered(206, other, now: Date())
        #expect(changed.words == "start over")
        let same = plan.answered(206, ["Content-Range": range, "Last-Modified": date], now: Date())
        #expect(same == .append)
    }

    @Test func `waits double and tries end`() {
        var plan = plan()
        let decisions = (0..<4).map { _ in plan.broke(.interrupted) }
        #expect(decisions == [.wait(.seconds(1)), .wait(.seconds(2)), .wait(.seconds(4)), .giveUp("after 3 tries")])
        var other = self.plan()
        _ = other.broke(.interrupted)
        let (second, third) = (other.answered(429, [:], now: Date()), other.answered(429, [:], now: Date()))
        #expect(second == .wait(.seconds(60)))
        #expect(third.words == "give up")  // two minutes are too long to sit here
    }

    @Test func `the length is learned from a part, and binds`() {
        var plan = plan(length: nil)
        #expect(plan.isComplete)
        let answer = plan.answered(206, ["Content-Range": "bytes 40-59/100"], now: Date())
        #expect(answer == .append)
        #expect(!plan.isComplete)
        let counted = plan.receive(60)
        #expect(counted && plan.isComplete)
        let overflowed = !plan.receive(1)
        #expect(overflowed)
    }
}

extension ResumeDecision {
    var isWait: Bool { if case .wait = self { true } else { false } }

    /// The case, and the wait in seconds; reasons are left out.
    var words: String {
        switch self {
        case .append: "append"
        case .startOver: "start over"
        case .giveUp: "give up"
        case .wait(let delay): "wait \(delay)"
        }
    }
}
