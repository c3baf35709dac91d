import Foundation
import HTTPTransport
import VeniceTransport
import VideoModels

/// The accounts of a deployment, each with its client. A job stays with the account that it was given at first: its id
/// upstream means nothing to another.
struct Accounts: Sendable {
    private let clients: [String: VeniceClient]
    /// Those that take new jobs, in the order of the settings.
    private let open: [String]

    init(_ configuration: Configuration, http: any HTTPClient) {
        let accounts = configuration.accounts
        clients = Dictionary(
            accounts.map { ($0.account.id, configuration.client(of: $0.account, http)) },
            uniquingKeysWith: { first, _ in first })
        open = accounts.filter(\.takesNewJobs).map(\.account.id)
    }

    /// The client of an account; nil for one that is not configured here.
    subscript(id: String) -> VeniceClient? { clients[id] }

    /// Whoever is asked for the models, and for a price before there is a job: the first account that takes new jobs.
    var first: VeniceClient { clients[open[0]]! }

    /// Which account a new job is given to. The random part of its id decides, so that jobs spread evenly and every
    /// process decides alike without asking anybody.
    func account(forNew id: JobID) -> String {
        let bytes = id.uuid.uuid
        let number = [bytes.10, bytes.11, bytes.12, bytes.13, bytes.14, bytes.15].reduce(0) { $0 << 8 | Int($1) }
        return open[number % open.count]
    }
}

extension Configuration {
    /// Every account: those of the accounts file, else the one that the single settings describe.
    var accounts: [AccountSettings] {
        if let list = accountList { return list }
        let credential: VeniceAccount.Credential =
            veniceWalletKey.flatMap(WalletKey.init).map { .wallet($0) } ?? veniceKey.map { .bearer($0) } ?? .anonymous
        return [
            AccountSettings(account: VeniceAccount(id: veniceAccount, baseURL: veniceBaseURL, credential: credential))
        ]
    }

    /// Whether anybody can pay.
    var hasCredential: Bool { accounts.contains { $0.account.credential != .anonymous } }

    /// How to reach the upstream.
    var transport: CurlHTTPClient.Configuration {
        var transport = CurlHTTPClient.Configuration()
        transport.authorityFile = veniceAuthorityFile
        if let proxy = veniceProxy?.reveal() { transport.proxy = proxy == "none" ? .none : .url(proxy) }
        return transport
    }

    func client(of account: VeniceAccount, _ http: any HTTPClient) -> VeniceClient {
        var client = VeniceClient(account, http: http)
        client.downloadHosts = DownloadHosts(downloadHosts)
        // Giving up early costs money or a video, so a fast clock shortens waiting less than it shortens the rest.
        client.timeouts = veniceTimeouts.scaled(by: max(timeScale, 0.2))
        client.downloadPolicy = client.downloadPolicy.scaled(by: timeScale)
        return client
    }
}
