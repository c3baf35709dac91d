import Foundation
import TestSupport
import Testing
import VideoModels

@Suite struct OpenTests {
    @Test(arguments: Job.Status.allCases) func `a known word is known`(status: Job.Status) throws {
        #expect(Open<Job.Status>(status.rawValue) == .known(status))
        #expect(Open<Job.Status>(status.rawValue).word == status.rawValue)
        #expect(Open<Job.Status>(status.rawValue).known == status)
    }

    @Test func `a new word survives decoding and encoding unchanged`() throws {
        let json = Data(#"["ready","teleporting"]"#.utf8)
        let words = try Wire.decode([Open<Job.Status>].self, from: json)
        #expect(words == [.known(.ready), .unknown("teleporting")])
        #expect(words[1].known == nil)
        #expect("\(words[1])" == "teleporting")
        #expect(try Wire.encode(words) == json)
    }
}

@Suite struct RedactedTests {
    private struct Holder {
        var secret: Redacted<String>
        var optional: Redacted<String>?
    }

    @Test func `no way of printing shows the value`() {
        let secret = Redacted("hunter2")
        let holder = Holder(secret: secret, optional: secret)
        var dumped = ""
        dump(holder, to: &dumped)
        dump(secret, to: &dumped)
        dump(["key": secret], to: &dumped)
        var printed = ""
        print(secret, holder, [secret], [1: secret], separator: " ", to: &printed)
        debugPrint(secret, holder, [secret], to: &printed)
        let texts = [
            dumped, printed, "\(secret)", "\(holder)", "\(Optional(secret) as Any)", String(describing: holder),
            String(reflecting: secret), String(reflecting: holder), String(reflecting: Optional(secret)),
            String(reflecting: Mirror(reflecting: secret).children.map { "\($0)" }),
        ]
        for text in texts { #expect(!text.contains("hunter2")) }
        #expect("\(secret)" == "‹redacted›")
        #expect(dumped.contains("‹redacted›"))
    }

    @Test func `a redacted number is hidden as well, and both compare by value`() {
        #expect(!String(reflecting: Redacted(4711)).contains("4711"))
        #expect(Redacted("a") == Redacted("a"))
        #expect(Redacted("a") != Redacted("b"))
        #expect(Redacted("a").reveal() == "a")
    }
}
