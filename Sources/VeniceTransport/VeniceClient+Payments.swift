import HTTPTransport
public import VideoModels

extension VeniceClient {
    /// What a wallet has left. The account must be that wallet.
    public func walletBalance(of wallet: String) async throws(VeniceError) -> WalletBalance {
        let path = try Self.walletPath("/x402/balance/", wallet, .walletBalance)
        return try await call(.walletBalance, "GET", path).read { WalletBalance($0) }
    }

    /// A page of a wallet's ledger, newest first. The account must be that wallet.
    ///
    /// - Parameter limit: 1 to 100.
    public func walletTransactions(
        of wallet: String, limit: Int = 50, offset: Int = 0
    ) async throws(VeniceError) -> WalletTransactions {
        guard (1...100).contains(limit), offset >= 0 else {
            let message = "1 to 100 entries, from 0 on"
            throw .unsendable(.walletTransactions, [Finding(field: "limit", code: .notAllowed, message: message)])
        }
        let path = try Self.walletPath("/x402/transactions/", wallet, .walletTransactions)
        let query = [(name: "limit", value: "\(limit)"), (name: "offset", value: "\(offset)")]
        return try await call(.walletTransactions, "GET", Self.path(path, query)).read { WalletTransactions($0) }
    }

    /// What a top-up has to look like. The upstream answers 402 to this question, which is no failure here.
    public func topUpOffer() async throws(VeniceError) -> TopUpOffer {
        let evidence: VeniceEvidence
        do throws(VeniceError) {
            let answer = try await whole(.topUpOffer, open(.topUpOffer, topUpRequest(timeouts.call)))
            evidence = VeniceEvidence(answer, "a top-up without a payment")
        } catch {
            if case .paymentNeeded(.topUpOffer(let offer), _) = error, !offer.rails.isEmpty { return offer }
            throw error
        }
        throw .unexpectedAnswer(evidence)
    }

    /// Pays a signed payment in, once. The same payment is credited at most once, however often it is sent.
    ///
    /// - Parameter payment: An x402 `PaymentPayload` for one rail of the offer, signed, as base64. A bearer secret.
    /// - Throws: `retryLater` when nothing moved (`SETTLEMENT_FAILED`) or when it is still settling
    ///   (`PAYMENT_IN_PROGRESS`): send the same one again. `outcomeUnknown` when it may have been credited: the same one may
    ///   go again, but look at the balance before signing another.
    public func topUp(payment: Redacted<String>) async throws(VeniceError) -> TopUpReceipt {
        var message = topUpRequest(timeouts.queue)
        message.freshConnection = true
        message.headers.add("PAYMENT-SIGNATURE", payment.reveal(), secret: true)
        let answer = try await whole(.topUp, open(.topUp, message))
        guard var receipt = JSON(answer.body).flatMap(TopUpReceipt.init) else {
            throw .outcomeUnknown(VeniceEvidence(answer, "paid, but the answer cannot be read"))
        }
        receipt.settlement = answer.headers.settlement
        return receipt
    }

    /// Without the account's credential: a payment speaks for itself.
    private func topUpRequest(_ timeouts: HTTPTimeouts) -> HTTPRequest {
        HTTPRequest(
            "POST", account.baseURL + "/x402/top-up", headers: ["Accept": "application/json"], timeouts: timeouts)
    }

    private static func walletPath(
        _ path: String, _ wallet: String, _ endpoint: VeniceEndpoint
    ) throws(VeniceError) -> String {
        guard isWallet(wallet) else {
            let message = "neither an EVM nor a Solana address"
            throw .unsendable(endpoint, [Finding(field: "wallet", code: .malformed, message: message, given: wallet)])
        }
        return path + wallet
    }

    /// `0x` and 40 hexadecimal digits, or 32 to 44 of base58.
    private static func isWallet(_ text: String) -> Bool {
        if text.hasPrefix("0x") {
            return text.utf8.count == 42 && text.dropFirst(2).allSatisfy { $0.isASCII && $0.isHexDigit }
        }
        let base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
        return (32...44).contains(text.utf8.count) && text.allSatisfy(base58.contains)
    }
}
