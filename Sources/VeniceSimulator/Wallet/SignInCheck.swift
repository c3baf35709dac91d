import Foundation

/// Judges a `SIGN-IN-WITH-X` header (PROTOCOL §1.2): everything but whether its nonce was seen before.
enum SignInCheck {
    struct SignedIn: Hashable {
        /// Lower case.
        var address: String
        var nonce: String
    }

    /// What follows `X402_SIGN_IN_` in the code.
    enum Refusal: String, Error, Hashable, CaseIterable {
        case invalidPayload = "INVALID_PAYLOAD"
        case parseError = "PARSE_ERROR"
        case invalidMessage = "INVALID_MESSAGE"
        case addressMismatch = "ADDRESS_MISMATCH"
        case invalidChainID = "INVALID_CHAIN_ID"
        case chainMismatch = "CHAIN_MISMATCH"
        case unsupportedChain = "UNSUPPORTED_CHAIN"
        case missingNonce = "MISSING_NONCE"
        case domainMismatch = "DOMAIN_MISMATCH"
        case timestampMismatch = "TIMESTAMP_MISMATCH"
        case expired = "EXPIRED"
        case futureTimestamp = "FUTURE_TIMESTAMP"
        case notBefore = "NOT_BEFORE"
        case invalidSignature = "INVALID_SIGNATURE"
        case invalidWallet = "INVALID_WALLET"
        case nonceReused = "NONCE_REUSED"

        var code: String { "X402_SIGN_IN_" + rawValue }
    }

    static let domains = ["api.venice.ai", "venice.ai"]
    static let chain = "8453"
    /// The oldest that a message may be, and how far ahead of the service's clock.
    static let longestAge: TimeInterval = 300
    static let mostAhead: TimeInterval = 30
    /// How long a nonce is remembered: longer than any message that carries it is fresh.
    static let nonceMemory: TimeInterval = 330

    static func judge(_ header: String, at now: Date) throws(Refusal) -> SignedIn {
        guard let bytes = Data(base64Encoded: header), let payload = JSONValue.parse(bytes), payload.object != nil,
            let address = payload["address"]?.string, let signature = payload["signature"]?.string
        else { throw .invalidPayload }
        let chain = try chain(of: payload)
        guard let message = payload["message"]?.string ?? SignInText.rebuilt(from: payload, chain: chain) else {
            throw .invalidPayload
        }
        guard Hex.isAddress(address) else { throw .invalidWallet }
        guard let text = SignInText(message) else { throw .parseError }
        let nonce = try check(text, of: address, chain: chain)
        try checkTimes(text, payload["timestamp"], at: now)
        guard let bytes = Hex.bytes(signature), Signer.address(of: message, bytes) == address.lowercased() else {
            throw .invalidSignature
        }
        return SignedIn(address: address.lowercased(), nonce: nonce)
    }

    private static func chain(of payload: JSONValue) throws(Refusal) -> String {
        switch payload["chainId"] {
        case .number(8453), .string("8453"), .string("eip155:8453"): return chain
        case .number: throw .unsupportedChain
        case .string(let name) where name.hasPrefix("eip155:") || name.hasPrefix("solana:") || Int(name) != nil:
            throw .unsupportedChain
        default: throw .invalidChainID
        }
    }

    private static func check(_ text: SignInText, of address: String, chain: String) throws(Refusal) -> String {
        guard text.version == "1", text.uri?.isEmpty == false, text.issuedAt != nil, let signed = text.chain else {
            throw .invalidMessage
        }
        guard text.address.lowercased() == address.lowercased() else { throw .addressMismatch }
        guard signed == chain else { throw .chainMismatch }
        guard let nonce = text.nonce, nonce.utf8.count >= 8,
            nonce.unicodeScalars.allSatisfy({
                $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil)
            })
        else { throw .missingNonce }
        guard domains.contains(text.domain) else { throw .domainMismatch }
        return nonce
    }

    private static func checkTimes(_ text: SignInText, _ timestamp: JSONValue?, at now: Date) throws(Refusal) {
        guard let issued = text.issuedAt else { throw .invalidMessage }
        if let timestamp {
            guard let value = timestamp.number, abs(value / 1000 - issued.timeIntervalSince1970) <= 30 else {
                throw .timestampMismatch
            }
        }
        if issued.timeIntervalSince(now) > mostAhead { throw .futureTimestamp }
        if now.timeIntervalSince(issued) > longestAge { throw .expired }
        if let expires = text.expiresAt, expires <= now { throw .expired }
        if let notBefore = text.notBefore, notBefore > now { throw .notBefore }
    }
}
