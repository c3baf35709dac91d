import Crypto
import Foundation

/// One line of the usage history: a charge, negative, or a refund.
struct UsageRow: Hashable, Sendable {
    var id: String
    var at: Date
    var model: String
    var amount: Cents
    var notes: String
    var requestID: String?

    /// Rows of one instant keep their order.
    var place: UsageWalk.Place { UsageWalk.Place(milliseconds: Int(at.timeIntervalSince1970 * 1000), id: id) }

    private var details: JSONValue {
        guard let requestID else { return .null }
        return [
            "requestId": .string(requestID), "completionTokens": .null, "promptTokens": .null,
            "inferenceExecutionTime": .null,
        ]
    }

    var json: JSONValue {
        [
            "amount": .number(amount.dollars), "currency": "USD", "inferenceDetails": details,
            "notes": .string(notes), "pricePerUnitUsd": .number(abs(amount.dollars)),
            "sku": .string("\(model)-video"), "timestamp": .string(at.formatted(Ledger.time)), "units": 1,
        ]
    }

    var csv: String {
        "\(at.formatted(Ledger.time)),\(model)-video,1,\(abs(amount.dollars)),\(amount.dollars),USD,\(notes)"
    }
}

/// A walk over the usage history, page by page in the order of time. What it filters by travels inside its cursor.
struct UsageWalk: Hashable, Sendable, Codable {
    struct Place: Hashable, Comparable, Sendable, Codable {
        var milliseconds: Int
        var id: String

        static func < (left: Place, right: Place) -> Bool {
            (left.milliseconds, left.id) < (right.milliseconds, right.id)
        }
    }

    var currency: String?
    var start: Int?
    var end: Int?
    var size = 1_000
    /// The last row that has been given out.
    var after: Place?

    func page(of rows: [UsageRow]) -> (page: [UsageRow], next: UsageWalk?) {
        let wanted = rows.filter(isWanted).sorted { $0.place < $1.place }
        let page = Array(wanted.prefix(size))
        guard wanted.count > size, let last = page.last else { return (page, nil) }
        var next = self
        next.after = last.place
        return (page, next)
    }

    private func isWanted(_ row: UsageRow) -> Bool {
        let place = row.place
        if let currency, currency != "USD" { return false }
        if let start, place.milliseconds < start { return false }
        if let end, place.milliseconds >= end { return false }
        return after.map { place > $0 } ?? true
    }

    // MARK: The cursor

    /// What a cursor holds beside the walk, so that nobody else can use it and nobody can for ever.
    private struct Sealed: Codable {
        var walk: UsageWalk
        var user: String
        var issued: Double
    }

    func cursor(user: String, secret: SymmetricKey, _ now: Date) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let sealed = Sealed(walk: self, user: user, issued: now.timeIntervalSince1970)
        guard let content = try? encoder.encode(sealed) else { return "" }
        return Self.text(Data(HMAC<SHA256>.authenticationCode(for: content, using: secret).prefix(16)) + content)
    }

    private static func open(
        _ cursor: String, user: String, secret: SymmetricKey, lifetime: Double, _ now: Date
    ) -> UsageWalk? {
        let plain = cursor.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        let padding = String(repeating: "=", count: (4 - plain.count % 4) % 4)
        guard let bytes = Data(base64Encoded: plain + padding), bytes.count > 16 else { return nil }
        let content = bytes.dropFirst(16)
        let code = Data(HMAC<SHA256>.authenticationCode(for: content, using: secret).prefix(16))
        guard code == bytes.prefix(16), let sealed = try? JSONDecoder().decode(Sealed.self, from: content),
            sealed.user == user, now.timeIntervalSince1970 - sealed.issued < lifetime
        else { return nil }
        return sealed.walk
    }

    private static func text(_ bytes: Data) -> String {
        bytes.base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    // MARK: The query

    static func read(
        _ request: APIRequest, user: String, secret: SymmetricKey, lifetime: Double, _ now: Date
    ) -> Result<UsageWalk, QueueValidation.Refused> {
        var query: [String: String] = [:]
        for item in URLComponents(string: request.target)?.queryItems ?? [] { query[item.name] = item.value ?? "" }
        guard let cursor = query["cursor"] else { return first(query) }
        if query.count > 1 {
            return .failure(refusal("cursor", "A cursor is sent alone: the filters travel inside it"))
        }
        guard let walk = open(cursor, user: user, secret: secret, lifetime: lifetime, now) else {
            return .failure(refusal("cursor", "Invalid cursor. Restart from the first page"))
        }
        return .success(walk)
    }

    private static func first(_ query: [String: String]) -> Result<UsageWalk, QueueValidation.Refused> {
        var walk = UsageWalk()
        for (name, value) in query.sorted(by: { $0.key < $1.key }) {
            if let problem = walk.take(name, value) { return .failure(refusal(name, problem)) }
        }
        if let start = walk.start, let end = walk.end, end <= start {
            return .failure(refusal("endTimestamp", "Must be later than startTimestamp"))
        }
        return .success(walk)
    }

    /// What is wrong with a parameter, if anything is.
    private mutating func take(_ name: String, _ value: String) -> String? {
        switch name {
        case "currency":
            guard ["USD", "DIEM", "BUNDLED_CREDITS"].contains(value) else {
                return "Invalid enum value. Expected 'USD' | 'DIEM' | 'BUNDLED_CREDITS', received '\(value)'"
            }
            currency = value
        case "pageSize":
            guard let count = Int(value), (10...1_000).contains(count) else { return "Expected a number of 10…1000" }
            size = count
        case "startTimestamp", "endTimestamp":
            guard let time = Self.milliseconds(value) else { return "Expected ISO 8601 UTC with a Z suffix" }
            if name == "startTimestamp" { start = time } else { end = time }
        default: return "Unrecognized key(s) in object: '\(name)'"
        }
        return nil
    }

    private static func milliseconds(_ text: String) -> Int? {
        guard text.count <= 40, text.hasSuffix("Z"),
            let date = (try? Date(text, strategy: Ledger.time)) ?? (try? Date(text, strategy: .iso8601))
        else { return nil }
        return Int(date.timeIntervalSince1970 * 1000)
    }

    private static func refusal(_ field: String, _ message: String) -> QueueValidation.Refused {
        QueueValidation.Refused([.schema("custom", field, message: message)])
    }
}

extension SimulatorState {
    /// What has been billed to a user so far. Rows of the past never change while new ones come.
    mutating func usage(of user: String, at now: Date) -> [UsageRow] {
        for job in jobs.values where job.user == user { settleRefund(job.id, at: now) }
        return jobs.values.filter { $0.user == user }.flatMap { job -> [UsageRow] in
            let charge = UsageRow(
                id: "\(job.id)-charge", at: job.createdAt, model: job.model, amount: Cents(0) - job.price,
                notes: "API Inference", requestID: job.requestID)
            guard let at = job.refundedAt else { return [charge] }
            var refund = charge
            (refund.id, refund.at, refund.amount, refund.notes) = ("\(job.id)-refund", at, job.price, "Refund")
            return [charge, refund]
        }
    }
}
