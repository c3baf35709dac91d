import JobStore
import VideoModels

/// Why somebody is not let in, as RFC 6750 has it. Whoever has the token may know what became of it; nobody else can ask.
enum Challenge: Hashable, Sendable {
    /// No token was sent.
    case missing
    case unknown, expired, revoked
    /// The token is good; its user is shut out for now.
    case suspended

    init(_ loss: AccessLoss) {
        switch loss {
        case .expired: self = .expired
        case .revoked: self = .revoked
        case .suspended: self = .suspended
        }
    }

    var problem: Problem {
        switch self {
        case .missing, .unknown:
            Problem(
                status: 401, code: .unauthenticated, title: "A valid device token is needed",
                detail: "Send Authorization: Bearer and the token of this device.")
        case .expired:
            Problem(
                status: 401, code: .tokenExpired, title: "The token has expired",
                detail: "This device needs a new token.")
        case .revoked:
            Problem(
                status: 401, code: .tokenRevoked, title: "This device's access was taken away",
                detail: "Keep nothing of the user's on it. To come back it needs a new token.")
        case .suspended:
            Problem(
                status: 403, code: .userSuspended, title: "This user is suspended",
                detail: "The device keeps what it has. Whoever runs this service lets the user in again.")
        }
    }

    /// Nil where no token would help.
    fileprivate var field: String? {
        switch self {
        case .missing: #"Bearer realm="gondola""#
        case .unknown: #"Bearer realm="gondola", error="invalid_token", error_description="The token is not known""#
        case .expired: #"Bearer realm="gondola", error="invalid_token", error_description="The token has expired""#
        case .revoked: #"Bearer realm="gondola", error="invalid_token", error_description="The token was revoked""#
        case .suspended: nil
        }
    }
}

extension APIResponse {
    static func refused(_ challenge: Challenge, for request: APIRequest) -> APIResponse {
        var headers = APIHeaders()
        headers["www-authenticate"] = challenge.field
        return .problem(challenge.problem, headers: headers, for: request)
    }

    static func insufficient(_ scope: Scope, for request: APIRequest) -> APIResponse {
        let problem = Problem(
            status: 403, code: .insufficientScope, title: "The token of this device does not allow that",
            detail: "It takes a token with the scope \(scope.rawValue).")
        let field = #"Bearer realm="gondola", error="insufficient_scope", scope="\#(scope.rawValue)""#
        return .problem(problem, headers: ["www-authenticate": field], for: request)
    }
}
