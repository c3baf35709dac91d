import Foundation
import HTTPTransport

/// Why a request to the service came to nothing, and whether it is worth repeating. Every request here may be repeated.
enum S3Failure: Error, Hashable, Sendable {
    /// The service said no.
    case refused(S3Refusal)
    /// No answer, or not all of it.
    case transport(HTTPClientError)
    /// An answer that means nothing.
    case unreadable(String)
    case cancelled

    enum Retry: Hashable, Sendable {
        case never
        /// The service or the way to it stumbled.
        case soon
        /// The service asks for patience.
        case patiently
        /// This machine's clock is not the service's, which says what time it is.
        case at(Date)
    }
}

/// An answer of 300 or above.
struct S3Refusal: Hashable, Sendable {
    var status: Int
    /// Amazon's word for it; a guess by the status where the answer has no body.
    var code: String
    var message: String
    /// The service's clock.
    var date: Date?

    init(status: Int, code: String? = nil, message: String = "", date: Date? = nil) {
        self.status = status
        self.code = code ?? Self.codes[status] ?? "HTTP\(status)"
        self.message = message
        self.date = date
    }

    private static let codes = [
        403: "AccessDenied", 404: "NoSuchKey", 412: "PreconditionFailed", 416: "InvalidRange", 500: "InternalError",
        503: "ServiceUnavailable",
    ]
}

extension S3Failure {
    var retry: Retry {
        switch self {
        case .cancelled: return .never
        case .unreadable: return .soon
        case .transport(let error):
            switch error.reason {
            case .invalidRequest, .stopped, .cancelled, .tls, .bodySource, .tooLarge, .malformed, .other: return .never
            case .overloaded, .unresolved, .unreachable, .timedOut, .interrupted, .truncated: return .soon
            }
        case .refused(let refusal):
            switch (refusal.status, refusal.code) {
            case (_, "RequestTimeTooSkewed"): return refusal.date.map { .at($0) } ?? .never
            case (429, _), (503, _), (_, "SlowDown"), (_, "Throttling"), (_, "RequestLimitExceeded"): return .patiently
            case (507, _), (501, _): return .never
            case (500..., _), (_, "RequestTimeout"), (_, "OperationAborted"), (409, _): return .soon
            default: return .never
            }
        }
    }

    /// In the words of the seam.
    func error(bucket: String) -> ObjectStoreError {
        switch self {
        case .cancelled: .cancelled
        case .unreadable(let what): .unexpected("the object service's answer cannot be read: \(what)")
        case .transport(let error):
            switch error.reason {
            case .cancelled: .cancelled
            case .invalidRequest, .tooLarge, .malformed, .other, .bodySource: .unexpected("\(error)")
            case .overloaded, .stopped, .unresolved, .unreachable, .tls, .timedOut, .interrupted, .truncated:
                .unavailable("\(error)")
            }
        case .refused(let refusal): refusal.error(bucket: bucket)
        }
    }
}

extension S3Refusal {
    fileprivate func error(bucket: String) -> ObjectStoreError {
        switch (status, code) {
        case (_, "NoSuchBucket"): .missingBucket(bucket)
        case (404, _): .notFound
        case (412, _), (416, _): .changed
        case (507, _), (_, "QuotaExceeded"), (_, "XMinioStorageFull"), (_, "NoSpaceLeft"): .noSpace
        case (401, _), (403, _), (400, "ExpiredToken"), (400, "InvalidToken"), (400, "AuthorizationHeaderMalformed"),
            (301, _), (307, _):
            .denied(code: code, message: shownMessage)
        case (429, _), (500..., _), (_, "SlowDown"), (_, "RequestTimeout"):
            .unavailable("\(status) \(code)")
        default: .unexpected("\(status) \(code) \(shownMessage)")
        }
    }

    /// Short, on one line.
    private var shownMessage: String {
        String(message.unicodeScalars.filter { $0.value >= 32 }.prefix(200).map(Character.init))
    }
}

/// How often to try again, and when: full jitter, so that many processes do not come back at the same moment.
struct S3RetryPolicy: Hashable, Sendable {
    /// Tries in all.
    var attempts = 6
    var first: Duration = .milliseconds(100)
    var firstWhenThrottled: Duration = .seconds(1)
    var longest: Duration = .seconds(10)

    /// How long to wait after the try of this number, from 0; nil to give up.
    ///
    /// - Parameter chance: from 0 to 1.
    func wait(after attempt: Int, _ retry: S3Failure.Retry, chance: Double) -> Duration? {
        guard attempt + 1 < attempts else { return nil }
        switch retry {
        case .never: return nil
        case .at: return .zero
        case .soon: return min(longest, first * (1 << min(attempt, 20))) * chance
        case .patiently: return min(longest, firstWhenThrottled * (1 << min(attempt, 20))) * chance
        }
    }
}
