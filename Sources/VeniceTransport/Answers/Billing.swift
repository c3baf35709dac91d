public import Foundation
public import VideoModels

/// What the account behind the key has left (`GET /billing/balance`, ADMIN key).
public struct BillingBalance: Sendable, Hashable {
    public var canConsume: Bool?
    /// `USD`, `DIEM`, `BUNDLED_CREDITS`: which of them the next request uses.
    public var currency: String?
    public var usd: Money?
    public var diem: Decimal?
    /// The DIEM of one whole day.
    public var diemEpochAllocation: Decimal?

    init?(_ json: JSON) {
        guard let balances = json["balances"], balances.object != nil else { return nil }
        canConsume = json["canConsume"]?.bool
        currency = json["consumptionCurrency"]?.text
        usd = balances.money("usd") ?? balances.money("USD")
        diem = (balances["diem", "DIEM"])?.decimal
        diemEpochAllocation = json["diemEpochAllocation"]?.decimal
    }
}

/// What to look for in the usage history; only the first page of a walk is asked this way.
public struct UsageFilter: Sendable, Hashable {
    /// `USD`, `DIEM`, `BUNDLED_CREDITS`.
    public var currency: String?
    /// The first moment that counts.
    public var start: Date?
    /// The first moment that no longer counts; later than `start`.
    public var end: Date?
    /// 10 to 1000 entries a page.
    public var pageSize: Int?

    public init(currency: String? = nil, start: Date? = nil, end: Date? = nil, pageSize: Int? = nil) {
        self.currency = currency
        self.start = start
        self.end = end
        self.pageSize = pageSize
    }

    var query: [(name: String, value: String)] {
        let fields = [
            ("currency", currency), ("startTimestamp", start.map(Wire.text)), ("endTimestamp", end.map(Wire.text)),
            ("pageSize", pageSize.map(String.init)),
        ]
        return fields.compactMap { name, value in value.map { (name, $0) } }
    }

    var findings: [Finding] {
        var findings: [Finding] = []
        if let pageSize, !(10...1000).contains(pageSize) {
            let message = "10 to 1000 entries make a page"
            findings.append(Finding(field: "page_size", code: .notAllowed, message: message, given: "\(pageSize)"))
        }
        if let start, let end, end <= start {
            findings.append(Finding(field: "end", code: .notAllowed, message: "the end is not later than the start"))
        }
        return findings
    }
}

/// A page of what the account was charged for, oldest first (`GET /billing/usage-history`, ADMIN key).
public struct UsagePage: Sendable, Hashable {
    public var entries: [UsageEntry]
    /// Asks for the next page; nil on the last. It carries the filter of the walk.
    public var cursor: UsageCursor?

    /// Nil when there is no list, or when one of its entries cannot be read: a bill with holes misleads.
    init?(_ json: JSON) {
        guard let list = json["data"]?.array else { return nil }
        entries = list.compactMap(UsageEntry.init)
        guard entries.count == list.count else { return nil }
        if let word = json["nextCursor", "next_cursor"]?.text {
            guard let cursor = UsageCursor(word) else { return nil }
            self.cursor = cursor
        }
    }
}

/// Where a walk through the usage history goes on.
public struct UsageCursor: Sendable, Hashable {
    public let word: String

    /// Nil for anything but 1 to 512 letters, digits, `_` and `-`.
    public init?(_ word: String) {
        guard (1...512).contains(word.utf8.count), word.utf8.allSatisfy(Self.isAllowed) else { return nil }
        self.word = word
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x2d: true
        default: false
        }
    }
}

/// One charge, or one credit.
public struct UsageEntry: Sendable, Hashable {
    /// Signed, in `currency`: a charge is negative.
    public var amount: Decimal
    public var currency: String
    public var sku: String?
    public var units: Decimal?
    public var pricePerUnit: Money?
    public var notes: String?
    public var timestamp: Date
    public var requestID: String?
    /// How long the work took, where it was recorded.
    public var executionTime: Duration?

    init?(_ json: JSON) {
        guard let amount = json["amount"]?.decimal, let currency = json["currency"]?.text,
            let timestamp = json["timestamp"]?.text.flatMap(Wire.date)
        else { return nil }
        self.amount = amount
        self.currency = currency
        self.timestamp = timestamp
        sku = json["sku"]?.text
        units = json["units"]?.decimal
        pricePerUnit = json.money("pricePerUnitUsd")
        notes = json["notes"]?.text
        let details = json["inferenceDetails"]
        requestID = details?["requestId"]?.text
        executionTime = details?["inferenceExecutionTime"]?.double.flatMap {
            $0 >= 0 && $0 < 1e12 ? .milliseconds($0) : nil
        }
    }
}
