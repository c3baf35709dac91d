/// Why a sign-in was refused: what follows `X402_SIGN_IN_` in the code of a 401 (PROTOCOL §1.2).
enum SignInRefusal: String, CaseIterable, Hashable, Sendable {
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

    static let prefix = "X402_SIGN_IN_"

    var code: String { Self.prefix + rawValue }

    /// Another signature may do: the clock was wrong, or something on the way sent the request twice. Where money moves the
    /// latter says that the first copy may have been paid for, so it is not signed again there. The rest are faults of
    /// this client or of its configuration, and would be refused again.
    var deservesAnother: Bool {
        switch self {
        case .expired, .futureTimestamp, .nonceReused: true
        case .invalidPayload, .parseError, .invalidMessage, .addressMismatch, .invalidChainID, .chainMismatch,
            .unsupportedChain, .missingNonce, .domainMismatch, .timestampMismatch, .notBefore, .invalidSignature,
            .invalidWallet:
            false
        }
    }

    /// Nil for any other answer, and for a code of this kind that nobody knows.
    init?(status: Int, code: String?) {
        guard status == 401, let code, code.hasPrefix(Self.prefix) else { return nil }
        self.init(rawValue: String(code.dropFirst(Self.prefix.count)))
    }
}

extension VeniceError {
    /// Whether the same request under a new signature is worth sending.
    var asksForNewSignature: Bool {
        if case .notSent(let evidence) = self { evidence.status == 401 } else { false }
    }
}

extension VeniceEndpoint {
    /// False for what is reached by a link: such a host is believed nothing about signatures.
    var takesSignature: Bool { self != .download && self != .deleteDownload }
}
