public import Foundation
public import HTTPTransport

/// A moment as a rate header tells it: a number whose unit follows from its size (PROTOCOL §13), or a date.
public enum ResetMoment: Sendable, Hashable {
    case after(Duration)
    case at(Date)

    /// Above 10^12 milliseconds since 1970, above 10^9 seconds since 1970, otherwise seconds from now.
    public init?(_ text: String) {
        let text = text.trimmingCharacters(in: .whitespaces)
        if let number = Double(text) {
            guard number.isFinite, number >= 0, number < 1e15 else { return nil }
            if number > 1e12 {
                self = .at(Date(timeIntervalSince1970: number / 1000))
            } else if number > 1e9 {
                self = .at(Date(timeIntervalSince1970: number))
            } else {
                self = .after(.seconds(number))
            }
        } else if let date = HTTPDate.date(from: text) {
            self = .at(date)
        } else {
            return nil
        }
    }

    /// How long that is from `now`: never negative, and at most an hour whatever a header says.
    public func delay(from now: Date) -> Duration {
        let delay =
            switch self {
            case .after(let duration): duration
            case .at(let date): Duration.seconds(max(0, date.timeIntervalSince(now)))
            }
        return min(max(delay, .zero), .seconds(3600))
    }
}

/// What an answer says about limits. Every part may be missing.
public struct RateLimitHeaders: Sendable, Hashable {
    public var retryAfter: ResetMoment?
    /// The model's own requests.
    public var limit: Int?
    public var remaining: Int?
    public var reset: ResetMoment?
    /// The model's own tokens; no video model counts them.
    public var tokenLimit: Int?
    public var tokensRemaining: Int?
    public var tokenReset: ResetMoment?
    /// Failures that may still happen before the account is blocked for a while; these are not requests.
    public var errorBudgetRemaining: Int?
    public var errorBudgetReset: ResetMoment?
    /// Which limiter spoke.
    public var type: String?

    public init(_ headers: HTTPHeaders) {
        func int(_ name: String) -> Int? { headers[name].flatMap { Int($0.trimmingCharacters(in: .whitespaces)) } }
        retryAfter = headers["Retry-After"].flatMap(ResetMoment.init)
        limit = int("x-ratelimit-limit-requests")
        remaining = int("x-ratelimit-remaining-requests")
        reset = headers["x-ratelimit-reset-requests"].flatMap(ResetMoment.init)
        tokenLimit = int("x-ratelimit-limit-tokens")
        tokensRemaining = int("x-ratelimit-remaining-tokens")
        tokenReset = headers["x-ratelimit-reset-tokens"].flatMap(ResetMoment.init)
        errorBudgetRemaining = int("x-ratelimit-remaining")
        errorBudgetReset = headers["x-ratelimit-resets"].flatMap(ResetMoment.init)
        type = headers["x-ratelimit-type"]
    }
}
