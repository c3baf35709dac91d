import Foundation
import TestSupport
import Testing
import VideoModels

/// Whatever a value holds, it reads back from the wire as it was, and is written again as it stood there.
@Suite struct RoundTripTests {
    /// One type, and a way to make any value of it.
    struct Subject: Sendable, CustomTestStringConvertible {
        var name: String
        var check: @Sendable (inout RandomValues) throws -> Void

        init<Value: Codable & Equatable & Sendable>(
            _ type: Value.Type, _ make: @escaping @Sendable (inout RandomValues) -> Value
        ) {
            name = "\(type)"
            check = { random in
                let value = make(&random)
                let json = try Wire.encode(value)
                let decoded = try Wire.decode(Value.self, from: json)
                #expect(decoded == value)
                #expect(try Wire.encode(decoded) == json)
            }
        }

        var testDescription: String { name }
    }

    static let subjects: [Subject] = [
        Subject(VideoRequest.self) { $0.request() }, Subject(VideoModel.self) { $0.model() },
        Subject(ModelInput.self) { $0.input() }, Subject(Job.self) { $0.job() },
        Subject(JobDetail.self) { $0.detail() }, Subject(Video.self) { $0.video() },
        Subject(Asset.self) { $0.asset() }, Subject(Change.self) { $0.change() },
        Subject(ChangePage.self) { $0.page() }, Subject(ChangeBatch.self) { $0.batch() },
        Subject(Finding.self) { $0.finding() }, Subject(Problem.self) { $0.problem() },
        Subject(MediaSource.self) { $0.source() }, Subject([Money].self) { [$0.money()] },
        Subject([JobID].self) { [$0.id()] }, Subject([Open<Job.Status>].self) { [$0.word()] },
        Subject(Quote.self) { Quote(price: $0.money()) },
        Subject(JobSubmission.self) {
            JobSubmission(
                request: $0.request(), maxPrice: $0.maybe { $0.money() }, priority: $0.maybe { $0.word() })
        },
    ]

    @Test(arguments: subjects) func `any value survives the wire`(subject: Subject) throws {
        var random = RandomValues(seed: 11)
        for _ in 0..<200 { try subject.check(&random) }
    }

    @Test func `no random request makes the check crash, whatever the model`() {
        var random = RandomValues(seed: 12)
        for _ in 0..<2000 {
            var model = VideoModel.recorded.randomElement(using: &random.generator) ?? .sample
            if random.flip() { model = random.model() }
            for field in VideoRequest.Field.allCases where random.flip() {
                model.inputs[field.rawValue] = random.input()
            }
            var request = random.request()
            if random.flip() { request.model = model.id }
            request.duration = random.flip() ? model.durations.first : request.duration
            #expect(request.validate(against: model).count <= 100)
            #expect(request.validate(against: model, assets: [:]).count <= 100)
        }
    }
}
