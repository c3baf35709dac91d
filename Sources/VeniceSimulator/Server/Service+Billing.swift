import Crypto
import Foundation

/// What an account may ask about itself: limits, balance, and what has been billed.
extension Service {
    func rateLimits(_ user: String, _ caller: Caller) -> Answer {
        let now = now
        let (balance, rest) = state.withLock { state in
            (state.account(user).balance, state.allowance(of: caller.key, caller.rule, at: now))
        }
        let usd = min(balance, rest ?? balance)
        let limits = catalogue.models.keys.sorted().map { id -> JSONValue in
            ["apiModelId": .string(id), "rateLimits": []]
        }
        let expiry = caller.rule.expiresAt.map { JSONValue.string($0.formatted(Ledger.time)) }
        let midnight = (KeyRule.ConsumptionLimit.Window.epoch.start(at: now) ?? now).addingTimeInterval(86_400)
        return .json(
            200,
            [
                "data": [
                    "accessPermitted": .bool(usd > Cents(0)), "apiTier": ["id": "paid", "isCharged": true],
                    "balances": ["USD": .number(usd.dollars)], "keyExpiration": expiry ?? .null,
                    "nextEpochBegins": .string(midnight.formatted(Ledger.time)), "rateLimits": .array(limits),
                ]
            ])
    }

    /// The last fifty refusals by a limit, newest last.
    func rateLimitsLog(_ user: String) -> Answer {
        let entries = state.withLock { $0.limitLog[user] ?? [] }
        return .json(200, ["object": "list", "data": .array(entries.map(\.json))])
    }

    func billingBalance(_ user: String) -> Answer {
        let balance = state.withLock { $0.account(user).balance }
        return .json(
            200,
            [
                "canConsume": .bool(balance > Cents(0)), "consumptionCurrency": "USD",
                "balances": ["diem": .null, "usd": .number(balance.dollars)], "diemEpochAllocation": 0,
            ])
    }

    func usageHistory(_ request: APIRequest, _ user: String) -> Answer {
        let now = now
        switch UsageWalk.read(request, user: user, secret: usageSecret, lifetime: 3_600 * configuration.timeScale, now)
        {
        case .failure(let refused): return refused.answer
        case .success(let walk):
            let rows = state.withLock { $0.usage(of: user, at: now) }
            let (page, next) = walk.page(of: rows)
            let cursor = next.map { $0.cursor(user: user, secret: usageSecret, now) }
            let wantsCSV = (request.headers["accept"] ?? "").lowercased().contains("text/csv")
            return wantsCSV ? csv(page, cursor, now) : json(page, cursor)
        }
    }

    private var usageSecret: SymmetricKey { SymmetricKey(data: Data("usage|\(configuration.seed)".utf8)) }

    private func json(_ page: [UsageRow], _ cursor: String?) -> Answer {
        .json(200, ["data": .array(page.map(\.json)), "nextCursor": cursor.map { .string($0) } ?? .null])
    }

    private func csv(_ page: [UsageRow], _ cursor: String?, _ now: Date) -> Answer {
        let lines = ["timestamp,sku,units,pricePerUnitUsd,amount,currency,notes"] + page.map(\.csv)
        var answer = Answer(status: 200, body: Data((lines.joined(separator: "\n") + "\n").utf8))
        answer.setHeader("Content-Type", "text/csv; charset=utf-8")
        let stamp = now.formatted(Ledger.time).filter { $0 != "-" && $0 != ":" && $0 != "." }
        answer.setHeader("Content-Disposition", "attachment; filename=billing-usage-history-\(stamp).csv")
        if let cursor { answer.setHeader("x-next-cursor", cursor) }
        return answer
    }
}
