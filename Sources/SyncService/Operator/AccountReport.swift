import Foundation
import HTTPTransport
import VeniceTransport
public import VideoModels

/// An account of this deployment as the operator's commands tell it. Holds no secret.
public struct AccountReport: Encodable, Hashable, Sendable {
    public var id: String
    public var kind: Kind
    /// The wallet's, with its checksum.
    public var address: String?
    public var baseURL: String
    public var takesNewJobs: Bool

    public enum Kind: String, Encodable, Hashable, Sendable { case key, wallet, none }

    enum CodingKeys: String, CodingKey {
        case id, kind, address
        case baseURL = "base_url"
        case takesNewJobs = "takes_new_jobs"
    }

    init(_ settings: AccountSettings) {
        id = settings.account.id
        baseURL = settings.account.baseURL
        takesNewJobs = settings.takesNewJobs
        switch settings.account.credential {
        case .anonymous: kind = .none
        case .bearer: kind = .key
        case .wallet(let key): (kind, address) = (.wallet, key.address)
        }
    }
}

/// What the upstream says of an account.
public struct AccountTest: Encodable, Hashable, Sendable {
    public var account: AccountReport
    public var verdict: Verdict
    /// By currency: `USD`, `DIEM`, …
    public var balances: [String: Money]
    /// Why it cannot pay, in words.
    public var reason: String?

    public enum Verdict: String, Encodable, Hashable, Sendable {
        /// It would be let in.
        case usable
        /// The upstream knows it, and would not let it in: no money, no permission.
        case refused
        /// The upstream could not be asked.
        case unreachable
    }
}

extension Configuration {
    /// Every account that is set up, in the order of the settings.
    public var accountReports: [AccountReport] { accounts.map(AccountReport.init) }

    /// Asks the upstream about the account of that name, or about all. Costs nothing.
    public func testAccounts(named name: String? = nil) async -> [AccountTest] {
        let http = CurlHTTPClient(transport)
        defer { http.stop() }
        return await testAccounts(named: name, http: http)
    }

    func testAccounts(named name: String? = nil, http: any HTTPClient) async -> [AccountTest] {
        var tests: [AccountTest] = []
        for settings in accounts where name == nil || settings.account.id == name {
            let client = client(of: settings.account, http)
            do throws(VeniceError) {
                tests.append(try await AccountTest(settings, asking: client))
            } catch {
                tests.append(AccountTest(settings, error))
            }
        }
        return tests
    }
}

extension AccountTest {
    /// A key's limits, or a wallet's balance.
    fileprivate init(_ settings: AccountSettings, asking client: VeniceClient) async throws(VeniceError) {
        account = AccountReport(settings)
        let isPermitted: Bool
        switch settings.account.credential {
        case .wallet(let key):
            let answer = try await client.walletBalance(of: key.address)
            balances = ["USD": answer.balance]
            balances["DIEM"] = answer.balanceDIEM
            isPermitted = answer.canConsume ?? (answer.balance > .zero)
        case .bearer, .anonymous:
            let answer = try await client.rateLimits()
            balances = answer.balances.mapValues(Money.init(usd:))
            isPermitted = answer.isAccessPermitted ?? true
        }
        verdict = isPermitted ? .usable : .refused
        reason = isPermitted ? nil : "no access; it probably has to be topped up"
    }

    fileprivate init(_ settings: AccountSettings, _ error: VeniceError) {
        account = AccountReport(settings)
        balances = [:]
        reason = "\(error)"
        switch error {
        case .paymentNeeded, .operatorMustAct, .refused, .consentNeeded, .invalid, .gone: verdict = .refused
        case .notSent, .outcomeUnknown, .throttled, .retryLater, .unexpectedAnswer: verdict = .unreachable
        }
    }
}
