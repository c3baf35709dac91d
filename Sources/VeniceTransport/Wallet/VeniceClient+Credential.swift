import Foundation
import HTTPTransport

/// Which credential a route of the API looks at (PROTOCOL §1).
enum RouteCredential: Hashable, Sendable {
    /// Open to everybody. A key is read where it is sent, a wallet is not.
    case open
    case keyOrWallet
    case keyOnly
    case walletOnly

    /// - Parameter path: below the base address; a query does not matter.
    init(path: String) {
        let path = path.prefix { $0 != "?" }
        switch path {
        case "/video/queue", "/video/retrieve", "/video/complete": self = .keyOrWallet
        case _ where path.hasPrefix("/x402/balance/") || path.hasPrefix("/x402/transactions/"): self = .walletOnly
        case _ where path.hasPrefix("/api_keys") || path.hasPrefix("/billing/"): self = .keyOnly
        default: self = .open
        }
    }
}

extension VeniceClient {
    static let signInHeader = "SIGN-IN-WITH-X"

    /// Puts the account's credential on a request for `path`: the key wherever it may be read, a wallet's signature only
    /// where it is asked for, since whoever sees one can use it. Never both: upstream, the wallet would pay.
    func authorize(_ request: inout HTTPRequest, path: String) {
        switch account.credential {
        case .anonymous: break
        case .bearer(let key): request.headers.add("Authorization", "Bearer \(key.reveal())", secret: true)
        case .wallet(let key):
            switch RouteCredential(path: path) {
            case .keyOrWallet, .walletOnly: request.headers.add(Self.signInHeader, signIn(key), secret: true)
            case .open, .keyOnly: break
            }
        }
    }

    /// The same request under a new signature. Nil when a wallet did not sign it.
    func signedAnew(_ request: HTTPRequest) -> HTTPRequest? {
        guard case .wallet(let key) = account.credential, request.headers[Self.signInHeader] != nil else { return nil }
        var request = request
        request.headers[Self.signInHeader] = signIn(key)
        return request
    }

    private func signIn(_ key: WalletKey) -> String {
        SignInMessage(address: key.address, nonce: SignInMessage.freshNonce(), at: serverClock.time(at: now()))
            .header(signedBy: key)
    }

    /// Sends a request. One that a wallet signed waits while five others of the wallet are without an answer, since a sixth
    /// is refused (PROTOCOL §1.4), and is signed anew if it had to; its answer tells the service's time.
    func exchange(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        guard request.headers[Self.signInHeader] != nil else { return try await http.send(request) }
        let passage = await gate.enter()
        if passage == .cancelled {
            throw HTTPClientError(.cancelled, "cancelled while others of the wallet were under way")
        }
        defer { gate.leave() }
        let sent = now()
        let response = try await http.send(passage == .afterWaiting ? signedAnew(request) ?? request : request)
        serverClock.learn(from: response.headers, sent: sent, received: now())
        return response
    }
}
