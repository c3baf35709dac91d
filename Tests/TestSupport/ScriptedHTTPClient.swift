import Foundation
public import HTTPTransport
import Synchronization

/// An `HTTPClient` that answers from a list and remembers what it was asked. After the last answer it refuses.
public final class ScriptedHTTPClient: HTTPClient {
    public enum Step: Sendable {
        /// The head at once, the body in these chunks, then its end or `failure`.
        case answer(status: Int, headers: HTTPHeaders, chunks: [[UInt8]], failure: HTTPClientError?)
        /// No head at all.
        case failure(HTTPClientError)
        /// Runs before the next step, for example to cancel something while a request is under way.
        case first(@Sendable () async -> Void)

        public static func json(_ text: String, status: Int = 200, headers: HTTPHeaders = [:]) -> Self {
            var headers = headers
            if headers["Content-Type"] == nil { headers.add("Content-Type", "application/json") }
            return .answer(status: status, headers: headers, chunks: [Array(text.utf8)], failure: nil)
        }
    }

    private let state: Mutex<(steps: [Step], requests: [HTTPRequest])>

    public init(_ steps: [Step]) { state = Mutex((steps, [])) }
    public convenience init(_ steps: Step...) { self.init(steps) }

    /// Every request so far, in order.
    public var requests: [HTTPRequest] { state.withLock { $0.requests } }

    public func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        state.withLock { $0.requests.append(request) }
        while let step = state.withLock({ $0.steps.isEmpty ? nil : $0.steps.removeFirst() }) {
            switch step {
            case .answer(let status, let headers, let chunks, let failure):
                return HTTPResponse(status: status, headers: headers, body: HTTPResponseBody(chunks, failure: failure))
            case .failure(let error): throw error
            case .first(let action): await action()
            }
        }
        throw HTTPClientError(.stopped, "the script has ended")
    }
}

extension HTTPRequest {
    /// The body as it would be sent, files read.
    public var bodyText: String {
        switch body {
        case .none: ""
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .parts(let parts): parts.map(\.text).joined()
        }
    }
}

extension HTTPRequest.Part {
    fileprivate var text: String {
        switch self {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .file(let path, .raw):
            String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
        case .slice(let path, let range):
            String(
                decoding: (FileManager.default.contents(atPath: path) ?? Data())[
                    Int(range.lowerBound)..<Int(range.upperBound)],
                as: UTF8.self)
        case .file(let path, .base64): (FileManager.default.contents(atPath: path) ?? Data()).base64EncodedString()
        }
    }
}
