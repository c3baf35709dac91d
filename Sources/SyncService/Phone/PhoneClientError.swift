public import Foundation
import HTTPTransport
public import VideoModels

/// Why a call of the phone's API has no result, sorted by what to do next.
public enum PhoneClientError: Error, Hashable, Sendable {
    /// The server said no, and why. `retryAfter` is in seconds, where it was given.
    case problem(Problem, retryAfter: TimeInterval?)
    /// No answer, or not all of it. What was asked for may have happened, unless `nothingSent`.
    case unreachable(String, nothingSent: Bool)
    /// Something answered that is not Gondola, or not a version that this build understands.
    case unexpected(String)
    /// The server's address or the token cannot be used.
    case invalidServer(String)
    /// A file here could not be read or written.
    case file(path: String, String)
    /// The bytes that came are not the video that was promised, tried again and again.
    case corrupted(String)

    /// Whether the same call may well succeed in a moment.
    public var isPassing: Bool {
        switch self {
        case .problem(let problem, _): problem.status == 429 || problem.status == 408 || problem.status >= 500
        case .unreachable: true
        case .unexpected, .invalidServer, .file, .corrupted: false
        }
    }

    init(_ error: HTTPClientError) {
        switch error.reason {
        case .invalidRequest: self = .invalidServer(error.detail)
        case .bodySource: self = .file(path: "", error.detail)
        case .tooLarge(let limit): self = .unexpected("an answer of more than \(limit) bytes")
        case .malformed: self = .unexpected("the answer is no HTTP: \(error.detail)")
        case .overloaded, .stopped, .cancelled, .unresolved, .unreachable, .tls, .timedOut, .interrupted, .truncated,
            .other:
            self = .unreachable(Self.words(for: error), nothingSent: error.sent == .nothing)
        }
    }

    private static func words(for error: HTTPClientError) -> String {
        let what =
            switch error.reason {
            case .unresolved: "the host's name has no address"
            case .unreachable: "no connection"
            case .tls: "no trusted connection"
            case .timedOut: "no answer in time"
            case .interrupted, .truncated: "the connection broke"
            case .cancelled: "cancelled"
            default: "\(error.reason)"
            }
        return error.detail.isEmpty ? what : "\(what) (\(error.detail))"
    }
}
