import Foundation
import Testing

@testable import VeniceSimulator

struct FaultPlanTests {
    /// What befalls each call in turn, both stages taken together.
    private func fates(_ plan: inout FaultPlan, _ calls: [(Endpoint, String?)]) -> [Fault.Action?] {
        calls.map { endpoint, model in
            let ticket = plan.begin(endpoint)
            return plan.earlyAction(ticket) ?? plan.action(ticket, model: model)
        }
    }

    private static let queueTwice: [(Endpoint, String?)] = [(.queue, "a"), (.queue, "a"), (.queue, "a")]

    @Test func `a fault meets the nth matching call and then so many`() throws {
        var plan = FaultPlan()
        try plan.inject([Fault(.init(endpoint: .queue, nth: 2, count: 2), .loseAnswer)])
        let calls: [(Endpoint, String?)] = [
            (.queue, nil), (.retrieve, nil), (.queue, nil), (.queue, nil), (.queue, nil),
        ]
        #expect(fates(&plan, calls) == [nil, nil, .loseAnswer, .loseAnswer, nil])
    }

    @Test func `count 0 meets every call from then on, until faults are cleared`() throws {
        var plan = FaultPlan()
        try plan.inject([Fault(.init(endpoint: .queue, count: 0), .badGateway)])
        #expect(fates(&plan, Self.queueTwice) == [.badGateway, .badGateway, .badGateway])
        plan.clear()
        #expect(fates(&plan, Self.queueTwice) == [nil, nil, nil])
    }

    @Test func `a model that does not match is not counted`() throws {
        var plan = FaultPlan()
        try plan.inject([Fault(.init(endpoint: .queue, nth: 2, model: "b"), .swallow)])
        #expect(
            fates(&plan, [(.queue, "b"), (.queue, "a"), (.queue, "b"), (.queue, "b")]) == [nil, nil, .swallow, nil])
    }

    @Test func `of two faults that are due the second waits for the next call`() throws {
        var plan = FaultPlan()
        try plan.inject([Fault(.init(endpoint: .queue), .loseAnswer), Fault(.init(endpoint: .queue), .swallow)])
        #expect(fates(&plan, Self.queueTwice) == [.loseAnswer, .swallow, nil])
    }

    @Test func `a fault for any endpoint leaves bare connections alone`() throws {
        var plan = FaultPlan()
        try plan.inject([Fault(.init(), .reset)])
        #expect(fates(&plan, [(.connection, nil), (.models, nil), (.models, nil)]) == [nil, .reset, nil])
    }

    @Test func `chaos is the same again with the same seed and keeps to its rate`() {
        let calls = [(Endpoint, String?)](repeating: (.retrieve, nil), count: 2_000)
        var (one, two, other) = (
            FaultPlan(seed: 4, chaosRate: 0.1), FaultPlan(seed: 4, chaosRate: 0.1), FaultPlan(seed: 5, chaosRate: 0.1)
        )
        let fates = fates(&one, calls)
        #expect(fates == self.fates(&two, calls))
        #expect(fates != self.fates(&other, calls))
        #expect((150...250).contains(fates.count { $0 != nil }))
    }

    @Test(arguments: [
        Fault(.init(endpoint: .queue, model: "a"), .reset), Fault(.init(endpoint: .connection), .loseAnswer),
        Fault(.init(nth: 0), .swallow), Fault(.init(count: -1), .swallow), Fault(.init(), .edgePage(status: 200)),
        Fault(.init(), .truncate(after: -1)), Fault(.init(), .drip(bytes: 0, everyMilliseconds: 1)),
        Fault(.init(), .reply(status: 99)), Fault(.init(), .answerLate(milliseconds: -1)),
    ])
    func `a fault that cannot be is refused`(_ fault: Fault) {
        var plan = FaultPlan()
        #expect(throws: InvalidFault.self) { try plan.inject([fault]) }
    }

    @Test(arguments: [
        (
            #"{"match":{"endpoint":"queue","nth":2},"action":{"lose_answer":{}}}"#,
            Fault(.init(endpoint: .queue, nth: 2), .loseAnswer)
        ),
        (#"{"match":{},"action":{"reply":{"status":500}}}"#, Fault(.init(), .reply(status: 500))),
        (
            #"{"match":{},"action":{"reply":{"status":503,"headers":{"Retry-After":"3"},"body":"x","processed":true}}}"#,
            Fault(.init(), .reply(status: 503, headers: ["Retry-After": "3"], body: "x", processed: true))
        ),
        (
            #"{"match":{"endpoint":"download_delete"},"action":{"drip":{"bytes":5,"every_milliseconds":2}}}"#,
            Fault(.init(endpoint: .downloadDelete), .drip(bytes: 5, everyMilliseconds: 2))
        ),
        (
            #"{"match":{"count":0},"action":{"fail_job":{"with":"inference"}}}"#,
            Fault(.init(count: 0), .failJob(with: .inference))
        ),
        (
            #"{"match":{},"action":{"too_many_requests":{"form":"reset_s","seconds":4}}}"#,
            Fault(.init(), .tooManyRequests(form: .resetSeconds, seconds: 4))
        ),
        (
            #"{"match":{},"action":{"mislabel":{"content_type":"application/json"}}}"#,
            Fault(.init(), .mislabel(contentType: "application/json"))
        ),
    ])
    func `a script in JSON reads as the fault that it means`(_ json: String, _ fault: Fault) throws {
        #expect(try JSONDecoder().decode(Fault.self, from: Data(json.utf8)) == fault)
        #expect(try JSONDecoder().decode(Fault.self, from: JSONEncoder().encode(fault)) == fault)
    }
}
