import JobStore
import VideoModels

/// Why the server itself turns a request down, or stops in the middle of its body.
enum RequestRefusal: Error, Hashable, Sendable {
    /// Not HTTP/1.1 as we read it. The text is for the client.
    case malformed(String)
    case unsupportedVersion
    case unsupportedExpectation
    case targetTooLong(limit: Int)
    case headersTooLarge(limit: Int)
    case bodyTooLarge(limit: Int64)
    /// The client was too slow with its header or body.
    case timeout
    case tooManyConnections
    /// Nobody is left to answer.
    case clientGone
    /// The device lost its access while its request was still coming.
    case accessLost(AccessLoss)

    var problem: Problem {
        switch self {
        case .malformed(let detail):
            Problem(status: 400, code: .malformedRequest, title: "The request is malformed", detail: detail)
        case .unsupportedVersion:
            Problem(status: 505, code: .malformedRequest, title: "Only HTTP/1.0 and HTTP/1.1 are spoken here")
        case .unsupportedExpectation:
            Problem(status: 417, code: .malformedRequest, title: "Only the expectation 100-continue is known")
        case .targetTooLong(let limit):
            Problem(status: 414, code: .uriTooLong, title: "The URL is longer than \(limit) bytes")
        case .headersTooLarge(let limit):
            Problem(status: 431, code: .headersTooLarge, title: "The header is larger than \(limit) allows")
        case .bodyTooLarge(let limit):
            Problem(status: 413, code: .bodyTooLarge, title: "The body is larger than \(limit) bytes")
        case .timeout, .clientGone:
            Problem(status: 408, code: .requestTimeout, title: "The request did not arrive in time")
        case .accessLost(let loss): Challenge(loss).problem
        case .tooManyConnections:
            Problem(status: 503, code: .unavailable, title: "Too many connections; try again later")
        }
    }
}
