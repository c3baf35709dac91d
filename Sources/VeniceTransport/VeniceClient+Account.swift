import Foundation
import HTTPTransport
import VideoModels

extension VeniceClient {
    /// The last times that the account met a limit, at most 50. Needs an ADMIN key.
    public func rateLimitLog() async throws(VeniceError) -> [RateLimitLogEntry] {
        let answer = try await call(.rateLimitLog, "GET", "/api_keys/rate_limits/log")
        return try answer.read { $0["data"]?.array?.compactMap(RateLimitLogEntry.init) }
    }

    /// What the account has left. Needs an ADMIN key.
    public func billingBalance() async throws(VeniceError) -> BillingBalance {
        let answer = try await call(.billingBalance, "GET", "/billing/balance")
        return try answer.read { BillingBalance($0) }
    }

    /// The first page of what the account was charged for. Needs an ADMIN key.
    public func usageHistory(_ filter: UsageFilter = UsageFilter()) async throws(VeniceError) -> UsagePage {
        let findings = filter.findings
        guard findings.isEmpty else { throw .unsendable(.usageHistory, findings) }
        return try await usagePage(filter.query)
    }

    /// The page after another one. The cursor goes alone: it carries the filter, and one beside it is refused.
    ///
    /// - Throws: `gone` when the upstream no longer takes the cursor; begin the walk anew.
    public func usageHistory(after cursor: UsageCursor) async throws(VeniceError) -> UsagePage {
        do throws(VeniceError) {
            return try await usagePage([("cursor", cursor.word)])
        } catch {
            if case .invalid(_, let evidence) = error { throw .gone(evidence) }
            throw error
        }
    }

    private func usagePage(_ query: [(name: String, value: String)]) async throws(VeniceError) -> UsagePage {
        let answer = try await call(
            .usageHistory, "GET", Self.path("/billing/usage-history", query), limit: Self.historyLimit)
        return try answer.read { UsagePage($0) }
    }

    /// A thousand entries of a few hundred bytes each.
    static let historyLimit = 4 << 20

    /// `path` with a query; what is not a letter, a digit or one of `-._~` is escaped.
    static func path(_ path: String, _ query: [(name: String, value: String)]) -> String {
        let allowed = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        let fields = query.map { name, value in
            "\(name)=" + (value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")
        }
        return fields.isEmpty ? path : path + "?" + fields.joined(separator: "&")
    }
}

extension VeniceError {
    /// What would be refused anyway, and is not sent.
    static func unsendable(_ endpoint: VeniceEndpoint, _ findings: [Finding]) -> Self {
        .invalid(findings, VeniceEvidence(endpoint: endpoint, message: "not sent"))
    }
}
