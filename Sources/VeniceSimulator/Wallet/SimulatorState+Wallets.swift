import Foundation

extension SimulatorState {
    /// How long the provider takes to accept a job, in seconds before scaling: a wallet is charged then.
    static let acceptanceSeconds = 2.0
    /// Below it a wallet may neither queue nor poll.
    static let walletFloor = Cents(10)

    /// The book of a wallet that has been here, opened at its first visit with what the configuration gives.
    mutating func withBook<Result>(_ user: String, at now: Date, _ body: (inout WalletBook) -> Result) -> Result {
        var book = wallets[user] ?? openBook(user, at: now)
        defer { wallets[user] = book }
        return body(&book)
    }

    private func openBook(_ user: String, at now: Date) -> WalletBook {
        var book = WalletBook(timeScale: configuration.timeScale)
        let balance = account(user).balance
        if balance > Cents(0) { book.enter(.topUp, balance, balanceAfter: balance, at: now) }
        return book
    }

    // MARK: Signing in

    /// Finds out whose signature it is. The nonce is used up as soon as the signature is good, whatever comes after.
    mutating func signIn(_ header: String, peer: String, at now: Date) throws(SignInCheck.Refusal) -> WalletCaller {
        let signedIn = try SignInCheck.judge(header, at: now)
        let caller = WalletCaller(address: signedIn.address, peer: peer)
        guard withBook(caller.user, at: now, { $0.consume(signedIn.nonce, at: now) }) else { throw .nonceReused }
        return caller
    }

    /// Takes one of the requests that a wallet may have under way; false when all are.
    mutating func takeSlot(_ user: String, at now: Date) -> Bool {
        withBook(user, at: now) { book in
            guard book.underWay < WalletBook.mostConcurrent else { return false }
            book.underWay += 1
            return true
        }
    }

    mutating func releaseSlot(_ user: String) { wallets[user]?.underWay -= 1 }

    // MARK: Money

    /// Whether a job of that price can be paid, with what is still to be charged put aside.
    func canPay(_ price: Cents, _ user: String) -> Bool {
        let pending = (wallets[user]?.pending ?? []).compactMap { jobs[$0]?.price }.reduce(Cents(0), +)
        return account(user).balance >= price + pending
    }

    /// Charges a key at once, and a wallet when the provider has accepted the job.
    mutating func charge(_ job: SimulatedJob, at now: Date) {
        if job.isOfWallet {
            withBook(job.user, at: now) { $0.pending.append(job.id) }
        } else {
            withAccount(job.user, at: now) { $0.balance = $0.balance - job.price }
        }
    }

    /// Enters the charges that have fallen due.
    mutating func settleCharges(of user: String, at now: Date) {
        for id in wallets[user]?.pending ?? [] {
            guard var job = jobs[id] else { continue }
            let due = min(
                job.createdAt.addingTimeInterval(Self.acceptanceSeconds * configuration.timeScale), job.renderedAt)
            guard due <= now else { continue }
            job.chargedAt = due
            jobs[id] = job
            enter(.charge, job, at: due)
            wallets[user]?.pending.removeAll { $0 == id }
        }
    }

    /// A refund after the charge that it gives back.
    mutating func refundWallet(_ job: SimulatedJob, at now: Date) { enter(.refund, job, at: now) }

    private mutating func enter(_ kind: WalletBook.Row.Kind, _ job: SimulatedJob, at date: Date) {
        let before = account(job.user).balance
        let after = kind == .refund ? before + job.price : max(Cents(0), before - job.price)
        withAccount(job.user, at: date) { $0.balance = after }
        withBook(job.user, at: date) {
            $0.enter(
                kind, after - before, balanceAfter: after, at: date, requestID: job.id, modelID: job.model)
        }
    }

    /// Credits a payment, once.
    mutating func topUp(_ payment: TopUpPayment, at now: Date) -> TopUpReceipt {
        if let known = topUps[payment.identity] { return known }
        let user = WalletCaller.prefix + payment.from
        let amount = Cents(payment.baseUnits / 10_000)
        let after = account(user).balance + amount
        withBook(user, at: now) { $0.enter(.topUp, amount, balanceAfter: after, at: now) }
        withAccount(user, at: now) { $0.balance = after }
        let receipt = TopUpReceipt(
            wallet: payment.from, amount: amount, balance: after, id: "payment_\(topUps.count + 1)",
            transaction: "0x" + Hex.text(Keccak.hash256(Array(payment.identity.utf8))))
        topUps[payment.identity] = receipt
        return receipt
    }

    /// Admits a top-up from an address, ten a minute.
    mutating func admitTopUp(from peer: String, at now: Date) -> Bool {
        if topUpWindows.count > 1000 { topUpWindows = topUpWindows.filter { !$0.value.isIdle(at: now) } }
        var window = topUpWindows[peer] ?? RateWindow(limit: 10, seconds: 60 * configuration.timeScale)
        defer { topUpWindows[peer] = window }
        if case .admitted = window.admit(at: now) { return true }
        return false
    }

    /// The wallets for the ledger, with what has fallen due entered.
    mutating func walletEntries(at now: Date) -> [Ledger.Wallet] {
        for user in wallets.keys { settleCharges(of: user, at: now) }
        return wallets.keys.sorted().map { user in
            Ledger.Wallet(
                address: String(user.dropFirst(WalletCaller.prefix.count)), balance: account(user).balance,
                transactions: (wallets[user]?.rows ?? []).map { row in
                    Ledger.Wallet.Transaction(
                        type: row.kind.rawValue, usd: row.amount, balanceAfter: row.balanceAfter, at: row.at,
                        requestID: row.requestID)
                })
        }
    }
}

extension SimulatedJob {
    var isOfWallet: Bool { user.hasPrefix(WalletCaller.prefix) }

    /// When the money went; nil while it has not.
    var paidAt: Date? { isOfWallet ? chargedAt : createdAt }
}
