/// The routes, by the names that faults and the ledger use.
public enum Endpoint: String, Codable, Sendable, CaseIterable {
    case models, quote, queue, retrieve, complete, transcriptions
    case rateLimits = "rate_limits"
    case rateLimitsLog = "rate_limits_log"
    case billingBalance = "billing_balance"
    case usageHistory = "usage_history"
    case walletBalance = "x402_balance"
    case walletTransactions = "x402_transactions"
    case topUp = "x402_top_up"
    case download
    case downloadDelete = "download_delete"
    /// A connection that has been accepted and has sent nothing yet. Only faults know it.
    case connection
    /// A path or method that the service does not have.
    case unknown

    /// Where private deliveries live: outside the API's base path, like the service's own share host.
    static let sharePath = "/v1/share/read/"

    /// The longest body that the service reads, in bytes.
    static let bodyLimit = 35_000_000

    /// Finds the route of a method and a path (without its query).
    static func route(method: String, path: String) -> Endpoint {
        if path.hasPrefix(sharePath) {
            return ["GET", "HEAD"].contains(method) ? .download : method == "DELETE" ? .downloadDelete : .unknown
        }
        if method == "GET", path.hasPrefix(walletBalancePath) { return .walletBalance }
        if method == "GET", path.hasPrefix(walletTransactionsPath) { return .walletTransactions }
        return routes["\(method) \(path)"] ?? .unknown
    }

    private static let routes: [String: Endpoint] = [
        "GET /api/v1/models": .models,
        "POST /api/v1/video/quote": .quote,
        "POST /api/v1/video/queue": .queue,
        "POST /api/v1/video/retrieve": .retrieve,
        "POST /api/v1/video/complete": .complete,
        "POST /api/v1/video/transcriptions": .transcriptions,
        "GET /api/v1/api_keys/rate_limits": .rateLimits,
        "GET /api/v1/api_keys/rate_limits/log": .rateLimitsLog,
        "GET /api/v1/billing/balance": .billingBalance,
        "GET /api/v1/billing/usage-history": .usageHistory,
        "POST /api/v1/x402/top-up": .topUp,
    ]

    /// The path below `/api/v1/`, for messages and logs.
    var apiPath: String {
        let route = Self.routes.first { $0.value == self }?.key
        return route.flatMap { $0.split(separator: " ").last }.map { String($0.dropFirst("/api/v1/".count)) }
            ?? rawValue
    }

    /// Whether it is the share host's, which knows no keys and shares no limits with the API.
    var isOfShareHost: Bool { self == .download || self == .downloadDelete }

    /// Whether only an ADMIN key may call it.
    var needsAdmin: Bool { [.rateLimitsLog, .billingBalance, .usageHistory].contains(self) }
}
