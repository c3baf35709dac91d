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

/// The date form of HTTP headers: `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    static func date(from text: String) -> Date? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(parts[2])), let year = Int(parts[3]), (1970...9999).contains(year)
        else { return nil }
        let time = parts[4].split(separator: ":").compactMap { Int($0) }
        guard time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2]) else {
            return nil
        }
        let digits = [(year, 4), (month + 1, 2), (day, 2), (time[0], 2), (time[1], 2), (min(time[2], 59), 2)].map {
            value, width in
            String(repeating: "0", count: width - "\(value)".count) + "\(value)"
        }
        return try? Date.ISO8601FormatStyle().parse(
            "\(digits[0])-\(digits[1])-\(digits[2])T\(digits[3]):\(digits[4]):\(digits[5])Z")
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
