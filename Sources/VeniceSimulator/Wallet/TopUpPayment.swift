import Foundation

/// A signed payment as x402 carries it: EIP-3009's `TransferWithAuthorization` of USDC on Base.
struct TopUpPayment: Hashable {
    /// The codes of the top-up's refusals.
    enum Refusal: String, Error, Hashable {
        case invalidPaymentFormat = "INVALID_PAYMENT_FORMAT"
        case unsupportedNetwork = "UNSUPPORTED_NETWORK"
        case unsupportedScheme = "UNSUPPORTED_SCHEME"
        case unsupportedToken = "UNSUPPORTED_TOKEN"
        case invalidPaymentRecipient = "INVALID_PAYMENT_RECIPIENT"
        case invalidPaymentPayer = "INVALID_PAYMENT_PAYER"
        case invalidAmount = "INVALID_AMOUNT"
        case amountTooLow = "AMOUNT_TOO_LOW"
        case amountTooHigh = "AMOUNT_TOO_HIGH"
        case paymentVerificationFailed = "PAYMENT_VERIFICATION_FAILED"
    }

    static let network = "eip155:8453"
    static let token = "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"
    static let recipient = "0x0000000000000000000000000000000000000402"
    /// In base units: six decimals of a dollar.
    static let amounts = 5_000_000...10_000_000_000

    /// Lower case.
    var from: String
    var baseUnits: Int
    var nonce: String

    /// Two payments with one identity are the same: the chain moves its money once.
    var identity: String { "\(from) \(nonce)" }

    init(header: String, at now: Date) throws(Refusal) {
        guard let bytes = Data(base64Encoded: header), let root = JSONValue.parse(bytes), root["x402Version"] == 2,
            let accepted = root["accepted"], accepted.object != nil, let payload = root["payload"],
            let authorization = payload["authorization"], let signature = payload["signature"]?.string,
            let from = authorization["from"]?.string, let to = authorization["to"]?.string,
            let value = authorization["value"]?.string, let after = authorization["validAfter"]?.string,
            let before = authorization["validBefore"]?.string, let nonce = authorization["nonce"]?.string
        else { throw .invalidPaymentFormat }
        try Self.check(accepted)
        guard to.lowercased() == Self.recipient else { throw .invalidPaymentRecipient }
        guard Hex.isAddress(from) else { throw .invalidPaymentPayer }
        guard let units = Int(value), units > 0, accepted["amount"] == .string(value) else { throw .invalidAmount }
        guard units >= Self.amounts.lowerBound else { throw .amountTooLow }
        guard units <= Self.amounts.upperBound else { throw .amountTooHigh }
        (self.from, baseUnits, self.nonce) = (from.lowercased(), units, nonce.lowercased())
        guard let start = UInt64(after), let end = UInt64(before), Self.isValid(start, end, now),
            let bytes = Hex.bytes(signature), let digest = digest(start, end),
            Signer.address(digest: digest, bytes) == self.from
        else { throw .paymentVerificationFailed }
    }

    private static func check(_ accepted: JSONValue) throws(Refusal) {
        guard accepted["network"] == .string(network) else { throw .unsupportedNetwork }
        guard accepted["scheme"] == "exact" else { throw .unsupportedScheme }
        guard accepted["asset"]?.string?.lowercased() == token else { throw .unsupportedToken }
        guard accepted["payTo"]?.string?.lowercased() == recipient else { throw .invalidPaymentRecipient }
    }

    private static func isValid(_ start: UInt64, _ end: UInt64, _ now: Date) -> Bool {
        let time = now.timeIntervalSince1970
        return Double(start) <= time && time < Double(end)
    }

    /// What EIP-712 has the payer sign, under USDC's own domain.
    private func digest(_ start: UInt64, _ end: UInt64) -> [UInt8]? {
        guard let nonce = Hex.bytes(nonce), nonce.count == 32 else { return nil }
        let domain = Self.hash(
            [
                Self.hash("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                Self.hash("USD Coin"), Self.hash("2"), Self.word(8453), Self.word(address: Self.token),
            ])
        let transfer =
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,"
            + "bytes32 nonce)"
        let content = Self.hash(
            [
                Self.hash(transfer), Self.word(address: from), Self.word(address: Self.recipient),
                Self.word(UInt64(baseUnits)), Self.word(start), Self.word(end), nonce,
            ])
        return Keccak.hash256([0x19, 0x01] + domain + content)
    }

    private static func hash(_ text: String) -> [UInt8] { Keccak.hash256(Array(text.utf8)) }
    private static func hash(_ words: [[UInt8]]) -> [UInt8] { Keccak.hash256(words.flatMap { $0 }) }

    private static func word(_ number: UInt64) -> [UInt8] {
        [UInt8](repeating: 0, count: 24) + (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    private static func word(address: String) -> [UInt8] {
        [UInt8](repeating: 0, count: 12) + (Hex.bytes(address) ?? [])
    }
}

/// What a credited payment is answered with, every time that it comes.
struct TopUpReceipt: Hashable, Sendable {
    var wallet: String
    var amount: Cents
    var balance: Cents
    var id: String
    var transaction: String
}
