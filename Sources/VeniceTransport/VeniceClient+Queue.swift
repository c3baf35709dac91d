import Failpoints
public import Foundation
import HTTPTransport

extension VeniceClient {
    /// Submits a paid request, once, on a connection of its own.
    ///
    /// The answer is handed to `journal` as it came, before anyone reads it, whatever its status; make it durable there.
    /// A journal that throws costs nothing: the receipt then names the failure. Once begun, the call runs to its end even
    /// when the task is cancelled, since an answer nobody waits for is a paid job that nobody knows.
    ///
    /// - Throws: `notSent` when repeating is safe, `outcomeUnknown` when it is not.
    public func queue(
        _ request: QueueRequest, journal: @escaping @Sendable (QueueAnswer) async throws -> Void
    ) async throws(VeniceError) -> QueueReceipt {
        if Task.isCancelled { throw .notSent(VeniceEvidence(endpoint: .queue, message: "cancelled before it began")) }
        // Without a parent, so that cancellation does not reach it. `timeouts.queue` bounds it.
        let submission = Task { () async -> Result<QueueReceipt, VeniceError> in
            do throws(VeniceError) {
                return .success(try await submit(request, journal: journal))
            } catch {
                return .failure(error)
            }
        }
        return try await submission.value.get()
    }

    private func submit(
        _ request: QueueRequest, journal: @Sendable (QueueAnswer) async throws -> Void
    ) async throws(VeniceError) -> QueueReceipt {
        var message = self.request("POST", "/video/queue", parts: request.parts, timeouts.queue)
        message.freshConnection = true
        let response: HTTPResponse
        Failpoint.queueSending.reach()
        do throws(HTTPClientError) { response = try await exchange(message) } catch {
            throw VeniceError(.queue, error)
        }
        Failpoint.queueHead.reach()
        let headers = AnswerHeaders(response.headers)
        let (body, failure) = await Self.readAll(response.body)
        Failpoint.queueBody.reach()
        let answer = QueueAnswer(
            status: response.status, headers: response.headers, body: body, isWhole: failure == nil)
        var journalFailure: String?
        do { try await journal(answer) } catch { journalFailure = Scrubber.clean("\(error)") }
        let outcome = Self.outcome(of: answer, requestedModel: request.model, now: now())
        observer?(.queue, response.status, headers.ofAccount(after: outcome))
        switch outcome {
        case .success(var receipt):
            receipt.journalFailure = journalFailure
            return receipt
        case .failure(let error):
            if let failure, case .outcomeUnknown = error {
                throw VeniceError(.queue, failure, status: response.status, headers: headers)
            }
            throw error
        }
    }

    /// Reads the answer to a paid submission: as it comes, or later from a journal.
    ///
    /// - Parameter requestedModel: stands in where the answer names no model.
    public static func outcome(
        of answer: QueueAnswer, requestedModel: String, now: Date = Date()
    ) -> Result<QueueReceipt, VeniceError> {
        let headers = AnswerHeaders(answer.headers)
        guard (200..<300).contains(answer.status) else {
            return .failure(VeniceError(.queue, status: answer.status, headers: headers, body: answer.body, now: now))
        }
        if let receipt = QueueReceipt(body: answer.body, requestedModel: requestedModel) { return .success(receipt) }
        let words = answer.isWhole ? "accepted, but the answer names no job" : "accepted, but the answer broke off"
        return .failure(
            .outcomeUnknown(
                VeniceEvidence(endpoint: .queue, status: answer.status, headers: headers, message: words)))
    }

    /// What came of the body, even if it is not all of it: half an answer may hold the id.
    private static func readAll(_ body: HTTPResponseBody) async -> ([UInt8], HTTPClientError?) {
        var bytes: [UInt8] = []
        do throws(HTTPClientError) {
            for try await chunk in body {
                bytes += chunk.prefix(answerLimit - bytes.count)
                if bytes.count == answerLimit {
                    body.close()
                    throw HTTPClientError(.tooLarge(limit: answerLimit), sent: .maybe)
                }
            }
            return (bytes, nil)
        } catch {
            return (bytes, error)
        }
    }
}

extension AnswerHeaders {
    /// What they say of the account: the limits that a model at capacity tells are its own.
    fileprivate func ofAccount(after outcome: Result<QueueReceipt, VeniceError>) -> Self {
        guard case .failure(let error) = outcome, error.isModelUnavailable else { return self }
        var copy = self
        (copy.rateLimits.retryAfter, copy.rateLimits.reset, copy.rateLimits.limit) = (nil, nil, nil)
        return copy
    }
}
