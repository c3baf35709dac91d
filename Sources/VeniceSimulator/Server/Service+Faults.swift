import Foundation

extension Service {
    /// The answer in place of one that the service never gets to make.
    func replacement(for action: Fault.Action) -> Answer {
        switch action {
        case .reply(let status, let headers, let body, _): return reply(status, headers, body)
        case .edgePage(let status): return EdgeAnswers.page(status)
        case .tooManyRequests(let form, let seconds):
            let now = configuration.clock.now
            return RateLimitAnswer.make(
                form: form, until: now.addingTimeInterval(Double(seconds)), now: now,
                limit: configuration.queueLimitPerMinute)
        case .badGateway: return .error(502, "Failed to fetch the finished video from the provider")
        case .refuse(let refusal): return RefusalAnswers.make(refusal)
        case .flood(let bytes):
            var answer = Answer(status: 200, headers: [("Content-Type", "application/json; charset=utf-8")])
            answer.body = .filler(bytes)
            answer.delivery = .drip(bytes: 1 << 20, everyMilliseconds: 0)
            return answer
        default:
            var answer = Answer(status: 500)
            answer.delivery = .lost
            return answer
        }
    }

    /// Does to a real answer what the fault wants.
    func spoil(_ answer: inout Answer, of endpoint: Endpoint, with action: Fault.Action) {
        switch action {
        case .loseAnswer: answer.delivery = .lost
        case .neverAnswer: answer.delivery = .never
        case .answerLate(let milliseconds): answer.delivery = .late(milliseconds: milliseconds)
        case .truncate(let bytes): answer.delivery = .truncated(after: bytes)
        case .stall(let bytes): answer.delivery = .stalled(after: bytes)
        case .resetBody(let bytes): answer.delivery = .resetAfter(bytes)
        case .dialect(let dialect): dialect.spell(&answer, of: endpoint)
        case .drip(let bytes, let pause): answer.delivery = .drip(bytes: bytes, everyMilliseconds: pause)
        case .omitLength: answer.delivery = .chunked
        case .mislabel(""): answer.removeHeader("Content-Type")
        case .mislabel(let type): answer.setHeader("Content-Type", type)
        case .emptyBody:
            forget(answer.receipt)
            answer.receipt = nil
            answer.body = .bytes(Data())
        case .reply(let status, let headers, let body, _):
            forget(answer.receipt)
            answer = reply(status, headers, body)
        default: break
        }
    }

    static func failure(_ action: Fault.Action, model: String) -> SimulatedJob.Failure? {
        guard case .failJob(let kind) = action else { return nil }
        return SimulatedJob.Failure(kind, model: model)
    }

    /// An answer that was made and will not be sent counts as lost.
    private func forget(_ receipt: Receipt?) {
        if let receipt { delivered(receipt, whole: false, sha256: nil) }
    }

    private func reply(_ status: Int, _ headers: [String: String]?, _ body: String?) -> Answer {
        var answer = Answer(
            status: status, headers: [("Content-Type", "application/json; charset=utf-8")],
            body: Data((body ?? "").utf8))
        for (name, value) in headers ?? [:] { answer.setHeader(name, value) }
        return answer
    }
}
