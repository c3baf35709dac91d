public import Foundation
public import HTTPTransport
public import VideoModels

/// What any answer of the API says beside its body (PROTOCOL §11). All of it is optional upstream.
public struct AnswerHeaders: Sendable, Hashable {
    public var rateLimits: RateLimitHeaders
    /// The key's balance before the request.
    public var balance: Money?
    public var balanceDIEM: Decimal?
    /// The wallet's credit after the request.
    public var walletBalance: Money?
    /// Names the request at the edge, for support.
    public var ray: String?
    public var requestID: String?
    public var version: String?
    /// What the upstream calls the model that did the work; another one than asked for after a remapping.
    public var modelID: String?
    public var deprecation: String?
    /// The server's clock.
    public var date: Date?

    public init(_ headers: HTTPHeaders) {
        func decimal(_ name: String) -> Decimal? { headers[name].flatMap { JSON.string($0).decimal } }
        rateLimits = RateLimitHeaders(headers)
        balance = decimal("x-venice-balance-usd").map(Money.init(usd:))
        balanceDIEM = decimal("x-venice-balance-diem")
        walletBalance = decimal("X-Balance-Remaining").map(Money.init(usd:))
        ray = headers["CF-RAY"]
        requestID = headers["X-Request-ID"]
        version = headers["x-venice-version"]
        modelID = headers["x-venice-model-id"]
        deprecation = headers["x-venice-model-deprecation-warning"] ?? headers["x-venice-model-deprecation-date"]
        date = headers["Date"].flatMap(HTTPDate.date)
    }
}
