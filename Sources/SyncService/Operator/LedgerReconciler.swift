import Foundation
import HTTPTransport
import JobLifecycle
public import JobStore
import VeniceTransport
import VideoModels

extension Configuration {
    /// Compares the upstream's record of each account's money with the requests of ours whose answer is lost, and keeps
    /// the verdicts with them. Decides nothing and sends nothing again.
    public func reconcile(
        _ request: ReconciliationRequest, store: PostgresStore
    ) async throws -> [ReconciliationReport] {
        let http = CurlHTTPClient(transport)
        defer { http.stop() }
        return try await reconcile(request, store: store, http: http, now: Date())
    }

    func reconcile(
        _ request: ReconciliationRequest, store: PostgresStore, http: any HTTPClient, now: Date
    ) async throws -> [ReconciliationReport] {
        var reports: [ReconciliationReport] = []
        for settings in accounts where request.account == nil || settings.account.id == request.account {
            let reconciler = LedgerReconciler(
                request: request, store: store, account: settings.account, now: now,
                client: { client(of: $0, http) })
            reports.append(try await reconciler.report())
        }
        return reports
    }
}

/// Reads both sides for one account, lets `Reconciliation` judge, and keeps what it says.
private struct LedgerReconciler {
    var request: ReconciliationRequest
    var store: PostgresStore
    var account: VeniceAccount
    var now: Date
    var client: (VeniceAccount) -> VeniceClient

    /// Of either side. More would be a month at the upstream's limit; a narrower window tells the same.
    private static let most = 20_000
    /// Requests that began so long before an entry may still be what it is for: the longest that one is under way.
    private static let longestRequest: TimeInterval = 3600

    private var wallet: String? {
        if case .wallet(let key) = account.credential { key.address } else { nil }
    }

    /// A wallet is charged when the provider takes the job, which may be a while after its request.
    private var tolerance: ReconciliationTolerance {
        ReconciliationTolerance(
            clockSkew: request.clockSkew, lateness: request.lateness ?? (wallet == nil ? 900 : 3600))
    }

    func report() async throws -> ReconciliationReport {
        var report = ReconciliationReport(account: account.id)
        guard let since = try await beginning() else { return report }
        let window = since..<max(since, min(request.until ?? now, now))
        let margin = tolerance.clockSkew + tolerance.lateness
        let attempts = try await store.attempts(
            of: account.id, since: since.addingTimeInterval(-margin - Self.longestRequest),
            until: window.upperBound.addingTimeInterval(margin), limit: Self.most + 1)
        guard attempts.count <= Self.most else {
            report.problem = "more than \(Self.most) requests in that window; narrow it with --since and --until"
            return report
        }
        let first = since.addingTimeInterval(-margin - Self.longestRequest)
        switch await record(from: first, until: min(now, window.upperBound.addingTimeInterval(margin))) {
        case .failure(let error):
            report.problem = Self.problem(error)
            report.isPassing = error.isPassing
        case .success(nil):
            report.problem = "more than \(Self.most) entries upstream; narrow the window with --since and --until"
        case .success(let record?):
            let reconciliation = Reconciliation(attempts: attempts, record: record, tolerance: tolerance)
            try await keep(reconciliation.findings(of: window), readAt: record.readAt, in: &report)
        }
        return report
    }

    private func keep(
        _ findings: [ReconciliationFinding], readAt: Date, in report: inout ReconciliationReport
    ) async throws {
        for finding in findings {
            let kept = ReconciliationRecord(verdict: finding.verdict, at: readAt, evidence: finding.evidence)
            // One that is no longer lost was found in a journal meanwhile, and needs no verdict.
            guard try await store.keep(kept, of: finding.attempt.id) else { continue }
            report.verdicts.append(ReconciliationReport.Verdict(finding))
        }
    }

    private func beginning() async throws -> Date? {
        if let since = request.since { return since }
        return try await store.oldestUnknown(of: account.id)
    }

    // MARK: - the upstream's side

    /// All that the upstream has written down from one moment to another; nil where that is too much.
    private func record(from first: Date, until last: Date) async -> Result<UpstreamRecord?, VeniceError> {
        do throws(VeniceError) {
            let entries: [UpstreamEntry]?
            if let wallet {
                entries = try await transactions(of: wallet, from: first)
            } else {
                entries = try await history(from: first, until: last)
            }
            let name = wallet == nil ? "billing history" : "wallet's transactions"
            return .success(
                entries.map {
                    UpstreamRecord(name: name, entries: $0, from: first, readAt: last, isWallet: wallet != nil)
                })
        } catch {
            return .failure(error)
        }
    }

    private func history(from first: Date, until last: Date) async throws(VeniceError) -> [UpstreamEntry]? {
        let reader = request.adminKey.map {
            VeniceAccount(id: account.id, baseURL: account.baseURL, credential: .bearer($0))
        }
        let client = client(reader ?? account)
        var page = try await client.usageHistory(UsageFilter(start: first, end: last, pageSize: 1000))
        var entries = page.entries.map(UpstreamEntry.init)
        while let cursor = page.cursor {
            guard entries.count <= Self.most else { return nil }
            page = try await client.usageHistory(after: cursor)
            entries += page.entries.map(UpstreamEntry.init)
        }
        return entries
    }

    /// Newest first upstream. Entries that come while it is read move the others on, so pages overlap, and what is seen
    /// twice counts once.
    private func transactions(of wallet: String, from first: Date) async throws(VeniceError) -> [UpstreamEntry]? {
        let client = client(account)
        var entries: [String: UpstreamEntry] = [:]
        for offset in stride(from: 0, to: Self.most, by: 90) {
            let page = try await client.walletTransactions(of: wallet, limit: 100, offset: offset)
            for transaction in page.transactions { entries[transaction.id] = UpstreamEntry(transaction) }
            let isPast = page.transactions.contains { $0.createdAt.map { $0 < first } ?? false }
            if !page.hasMore || isPast { return entries.keys.sorted().compactMap { entries[$0] } }
        }
        return nil
    }

    private static func problem(_ error: VeniceError) -> String {
        if case .operatorMustAct = error {
            return
                "the record may not be read with this account's key (\(error)); give a key that may with --admin-key-file"
        }
        return "\(error)"
    }
}

extension VeniceError {
    fileprivate var isPassing: Bool {
        switch self {
        case .notSent, .outcomeUnknown, .throttled, .retryLater, .unexpectedAnswer, .gone: true
        case .refused, .invalid, .paymentNeeded, .operatorMustAct, .consentNeeded: false
        }
    }
}

extension UpstreamEntry {
    /// A line of the billing history. One DIEM is worth a dollar; what other currencies are worth is not for sure.
    fileprivate init(_ entry: UsageEntry) {
        let isDollars = ["USD", "DIEM"].contains(entry.currency.uppercased())
        self.init(
            kind: entry.amount < 0 ? .charge : .credit, amount: isDollars ? Money(usd: abs(entry.amount)) : nil,
            at: entry.timestamp, label: entry.sku, requestID: entry.requestID)
    }

    /// What is neither a top-up nor a refund is taken for a charge if it takes something away.
    fileprivate init(_ transaction: WalletTransactions.Transaction) {
        let isCharge = transaction.type == .known(.charge) || transaction.amount < .zero
        self.init(
            kind: isCharge ? .charge : .credit, amount: Money(usd: abs(transaction.amount.usd)),
            at: transaction.createdAt, label: transaction.model, requestID: transaction.requestID)
    }
}
