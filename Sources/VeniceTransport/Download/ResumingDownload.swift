import Foundation
import HTTPTransport
import Synchronization

/// The bytes of one file over as many transfers as it takes, as one body. For one reader.
final class ResumingDownload: Sendable {
    private struct State {
        var plan: DownloadPlan
        var transfer: HTTPResponseBody
        var isClosed = false
    }

    private let state: Mutex<State>
    private let request: HTTPRequest
    private let http: any HTTPClient
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> Date

    init(
        _ plan: DownloadPlan, _ transfer: HTTPResponseBody, request: HTTPRequest, http: any HTTPClient,
        clock: any Clock<Duration>, now: @escaping @Sendable () -> Date
    ) {
        state = Mutex(State(plan: plan, transfer: transfer))
        (self.request, self.http, self.clock, self.now) = (request, http, clock, now)
    }

    /// Holds this object, and closes the transfer when its last reader is gone.
    var body: HTTPResponseBody {
        HTTPResponseBody { () async throws(HTTPClientError) in
            try await self.next()
        } close: {
            self.close()
        }
    }

    private func next() async throws(HTTPClientError) -> [UInt8]? {
        while true {
            switch await read() {
            case .success(let chunk?): return chunk
            case .success(nil): return nil
            case .failure(let error): try await goOn(after: error)
            }
        }
    }

    /// One chunk of the transfer, counted. An end before the file's end is an error.
    private func read() async -> Result<[UInt8]?, HTTPClientError> {
        let transfer = state.withLock { $0.transfer }
        var chunks = transfer.makeAsyncIterator()
        let chunk: [UInt8]?
        do throws(HTTPClientError) { chunk = try await chunks.next() } catch { return .failure(error) }
        guard let chunk else {
            let isComplete = state.withLock { $0.plan.isComplete }
            let missing = HTTPClientError(.truncated, sent: .maybe, "the transfer ended before the file did")
            return isComplete ? .success(nil) : .failure(missing)
        }
        guard state.withLock({ $0.plan.receive(chunk.count) }) else {
            transfer.close()
            return .failure(HTTPClientError(.malformed, sent: .maybe, "more bytes than the file has"))
        }
        return .success(chunk)
    }

    /// Puts another transfer in the place of the one that broke, or throws what broke it and why that is the end.
    private func goOn(after error: HTTPClientError) async throws(HTTPClientError) {
        var decision = state.withLock { $0.plan.broke(error.reason) }
        while case .wait(let delay) = decision {
            do { try await clock.sleep(for: delay) } catch { throw HTTPClientError(.cancelled, sent: .maybe) }
            decision = await askForRest()
        }
        switch decision {
        case .append, .wait: return
        case .startOver(let why), .giveUp(let why):
            let detail = error.detail.isEmpty ? "" : error.detail + "; "
            throw HTTPClientError(error.reason, sent: error.sent, "\(detail)not gone on with: \(why)")
        }
    }

    private func askForRest() async -> ResumeDecision {
        let (plan, isClosed) = state.withLock { ($0.plan, $0.isClosed) }
        if isClosed { return .giveUp("it was closed") }
        var request = request
        for (name, value) in plan.rangeHeaders { request.headers.add(name, value) }
        let response: HTTPResponse
        do throws(HTTPClientError) { response = try await http.send(request) } catch {
            return state.withLock { $0.plan.broke(error.reason) }
        }
        let decision = state.withLock { state in
            let decision = state.plan.answered(response.status, response.headers, now: now())
            if decision == .append, !state.isClosed { state.transfer = response.body }
            return state.isClosed ? .giveUp("it was closed") : decision
        }
        if decision != .append { response.body.close() }
        return decision
    }

    private func close() {
        let transfer = state.withLock { state in
            state.isClosed = true
            return state.transfer
        }
        transfer.close()
    }
}
