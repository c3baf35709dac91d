import Foundation

extension Endpoint {
    static let walletBalancePath = "/api/v1/x402/balance/"
    static let walletTransactionsPath = "/api/v1/x402/transactions/"

    /// Whether a wallet's signature is looked at here; elsewhere it is ignored.
    var readsSignatures: Bool {
        switch self {
        case .queue, .retrieve, .complete, .walletBalance, .walletTransactions: true
        default: false
        }
    }

    /// Whether nothing but a signature opens this route.
    var isForWallets: Bool { self == .walletBalance || self == .walletTransactions }
}

extension Service {
    /// Who is asking, as far as can be told without looking at a signature.
    func presumed(_ request: APIRequest, _ endpoint: Endpoint) -> Credential {
        let isSigned = ["sign-in-with-x", "x-sign-in-with-x"].contains { request.headers[$0] != nil }
        return isSigned && endpoint.readsSignatures ? .unverified(peer: request.peer) : Credential(request.headers)
    }

    /// Who is asking, or why that is not believed. A good signature takes one of its wallet's five places: the caller
    /// hands it back with the answer.
    func identify(_ request: APIRequest, _ endpoint: Endpoint) -> (credential: Credential, refusal: Answer?) {
        let header = request.headers["sign-in-with-x"] ?? request.headers["x-sign-in-with-x"]
        noteSignatures(request, endpoint)
        guard endpoint.readsSignatures else { return (Credential(request.headers), nil) }
        guard let header else {
            // A key opens no wallet's books.
            return (endpoint.isForWallets ? .none : Credential(request.headers), nil)
        }
        let now = now
        return state.withLock { state in
            let stranger = Credential.unverified(peer: request.peer)
            // Whoever is blocked is not listened to.
            if state.account(stranger.failureBucket).abuse.block(at: now) != nil { return (stranger, nil) }
            do throws(SignInCheck.Refusal) {
                let caller = try state.signIn(header, peer: request.peer, at: now)
                return (.wallet(caller), nil)
            } catch {
                return (stranger, state.refuse(error, endpoint, at: now))
            }
        }
    }

    /// What a wallet may be refused after it has signed in: too much at once, or too little money. Nil for keys.
    func walletRefusal(_ credential: Credential, _ endpoint: Endpoint) -> Answer? {
        guard case .wallet(let caller) = credential, !endpoint.isForWallets else { return nil }
        let now = now
        return state.withLock { state in
            state.settleCharges(of: caller.user, at: now)
            let balance = state.account(caller.user).balance
            return balance < SimulatorState.walletFloor ? WalletAnswers.tooLow(balance) : nil
        }
    }

    /// A wallet's place among its requests under way; nil when all are taken, and for keys, which need none.
    func takeSlot(_ credential: Credential) -> String? {
        guard case .wallet(let caller) = credential else { return nil }
        let now = now
        return state.withLock { $0.takeSlot(caller.user, at: now) } ? caller.user : nil
    }

    /// Hears that an answer has left, or never will.
    func release(_ slot: String?) {
        if let slot { state.withLock { $0.releaseSlot(slot) } }
    }

    /// A wallet that found no place.
    func crowdRefusal(_ credential: Credential, _ slot: String?) -> Answer? {
        if case .wallet = credential, slot == nil { WalletAnswers.tooManyAtOnce } else { nil }
    }

    func paymentRefusal(_ request: APIRequest, _ endpoint: Endpoint) -> Answer? {
        guard request.paymentHeader != nil, ![.topUp, .download, .downloadDelete].contains(endpoint) else { return nil }
        let now = now
        state.withLock { $0.violate(.paymentUnasked, endpoint, at: now, "a payment where none is taken") }
        return WalletAnswers.paymentHeader
    }

    private func noteSignatures(_ request: APIRequest, _ endpoint: Endpoint) {
        let names = ["sign-in-with-x", "x-sign-in-with-x"].filter { request.headers[$0] != nil }
        guard !names.isEmpty, endpoint != .download, endpoint != .downloadDelete else { return }
        let now = now
        state.withLock { state in
            if names.count > 1 || !request.repeated.isDisjoint(with: names) {
                state.violate(.signedTwice, endpoint, at: now, "more than one signature on one request")
            }
            if request.headers["authorization"] != nil {
                state.violate(.bothCredentials, endpoint, at: now, "a key and a signature on one request")
            }
            if !endpoint.readsSignatures {
                state.violate(.signatureUnasked, endpoint, at: now, "a signature where nobody reads it")
            }
        }
    }

    // MARK: The wallet's own routes

    func walletBalance(_ request: APIRequest, _ credential: Credential) -> Answer {
        ofOwnWallet(request, Endpoint.walletBalancePath, credential, \.balanceWindow) { state, user, address in
            WalletAnswers.balance(address, state.account(user).balance)
        }
    }

    func walletTransactions(_ request: APIRequest, _ credential: Credential) -> Answer {
        func number(_ name: String, _ usual: Int, _ allowed: ClosedRange<Int>) -> Int? {
            guard let text = request.query(name) else { return usual }
            return Int(text).flatMap { allowed.contains($0) ? $0 : nil }
        }
        guard let limit = number("limit", 50, 1...100), let offset = number("offset", 0, 0...Int.max / 2) else {
            return .error(400, "Invalid pagination")
        }
        return ofOwnWallet(request, Endpoint.walletTransactionsPath, credential, \.transactionsWindow) {
            state, user, address in
            WalletAnswers.transactions(
                address, state.account(user).balance, state.wallets[user]?.rows ?? [], limit: limit, offset: offset)
        }
    }

    private func ofOwnWallet(
        _ request: APIRequest, _ prefix: String, _ credential: Credential,
        _ window: WritableKeyPath<WalletBook, RateWindow>, _ body: (SimulatorState, String, String) -> Answer
    ) -> Answer {
        let address = String(request.path.dropFirst(prefix.count))
        guard Self.isWallet(address) else { return .error(400, "Invalid wallet address") }
        guard case .wallet(let caller) = credential else { return PaymentAnswers.discovery(.walletBalance) }
        guard caller.address == address.lowercased() else { return .error(403, "This is another wallet's") }
        let now = now
        return state.withLock { state in
            state.settleCharges(of: caller.user, at: now)
            guard case .admitted = state.withBook(caller.user, at: now, { $0[keyPath: window].admit(at: now) }) else {
                return .error(429, "Too many requests")
            }
            return body(state, caller.user, address)
        }
    }

    /// EVM in hex or Solana in base58.
    private static func isWallet(_ text: String) -> Bool {
        let base58 = Set("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
        return Hex.isAddress(text) || (32...44).contains(text.count) && text.allSatisfy(base58.contains)
    }

    func topUp(_ request: APIRequest) -> Answer {
        let now = now
        guard state.withLock({ $0.admitTopUp(from: request.peer, at: now) }) else {
            return .error(429, "Too many requests")
        }
        guard let header = request.paymentHeader else { return WalletAnswers.topUpOffer }
        do throws(TopUpPayment.Refusal) {
            let payment = try TopUpPayment(header: header, at: now)
            return WalletAnswers.credited(state.withLock { $0.topUp(payment, at: now) })
        } catch {
            return WalletAnswers.topUpRefused(error)
        }
    }
}

extension SimulatorState {
    fileprivate mutating func refuse(_ refusal: SignInCheck.Refusal, _ endpoint: Endpoint, at now: Date) -> Answer {
        if refusal == .nonceReused {
            violate(.nonceReused, endpoint, at: now, "a signature that was used already")
        } else {
            violate(.unauthenticated, endpoint, at: now, "the sign-in was refused: \(refusal.code)")
        }
        // The wallet's own routes do not say why.
        return endpoint.isForWallets ? .error(401, "Authentication failed") : WalletAnswers.refused(refusal)
    }
}

extension APIRequest {
    var paymentHeader: String? {
        headers["payment-signature"] ?? headers["x-402-payment"] ?? headers["x-payment"]
    }
}
