import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// PROTOCOL §20, row 7: what stayed out of a submission at first is added once when the upstream asks for it.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CorrectedSubmissionTests {
    /// A model whose result is as long as its source, which is therefore not told how long that is.
    private static func request() -> VideoRequest {
        var request = VideoRequest(model: "wan-2-7-video-to-video", prompt: "the same by night")
        (request.resolution, request.duration) = ("720p", "5")
        request.video = .url("https://media.example.com/clip.mp4")
        return request
    }

    private static func asked(times count: Int) -> Fault {
        Fault(
            .init(endpoint: .queue, count: count),
            .reply(
                status: 400, headers: ["Content-Type": "application/json"],
                body: #"{"error":"duration is required for this model"}"#, processed: false))
    }

    @Test func `a refusal that asks for the source's length is answered with it, and the video is paid once`()
        async throws
    {
        try await Stack.with { stack in
            try stack.simulator.inject([Self.asked(times: 1)])
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let detail = try await phone.submit(JobSubmission(request: Self.request()), idempotencyKey: "once")
            let copy = try await stack.follow(phone) { $0.jobs[detail.job.id]?.isOver == true }
            #expect(copy.jobs[detail.job.id]?.status == .known(.ready))
            #expect(try await stack.simulator.ledger().charges.count == 1)
            #expect(try await stack.simulator.ledger().calls(.queue) == 2)
            let attempts = try await stack.database.sql(
                "select outcome, http_status, message like '%duration is required%' from attempts order by lease_token")
            #expect(attempts.split(separator: "\n").map { $0.prefix { $0 != "|" } } == ["refused", "accepted"])
            #expect(attempts.hasPrefix("refused|400|t"))
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a second refusal stands, and nothing is paid`() async throws {
        try await Stack.with { stack in
            try stack.simulator.inject([Self.asked(times: 0)])
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let detail = try await phone.submit(JobSubmission(request: Self.request()), idempotencyKey: "once")
            let copy = try await stack.follow(phone) { $0.jobs[detail.job.id]?.isOver == true }
            #expect(copy.jobs[detail.job.id]?.status == .known(.failed))
            #expect(try await stack.simulator.ledger().charges.isEmpty)
            // Another try only where the answer has been forgotten meanwhile, and never without end.
            #expect((2...6).contains(try await stack.simulator.ledger().calls(.queue)))
            #expect(await gondola.terminate() == 0)
        }
    }
}
