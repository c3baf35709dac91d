public import Foundation
public import VideoModels

/// One way to pay, exactly as it has to be signed (x402, scheme `exact`).
public struct PaymentRail: Sendable, Hashable {
    public var scheme: String
    public var network: PaymentNetwork
    /// The token's contract or mint.
    public var asset: String
    /// In the token's smallest unit, as text: `5000000` of six decimals is $5.
    public var amount: String
    public var payTo: String
    public var maxTimeoutSeconds: Int?
    /// What the network adds, for example `name` and `version` of an EVM token, or Solana's `feePayer`.
    public var extra: [String: String]

    init?(_ json: JSON) {
        guard let network = json["network"]?.text, let asset = json["asset"]?.text,
            let amount = json["amount", "maxAmountRequired"]?.text, let payTo = json["payTo", "pay_to"]?.text
        else { return nil }
        scheme = json["scheme"]?.text ?? "exact"
        self.network = PaymentNetwork(network)
        self.asset = asset
        self.amount = amount
        self.payTo = payTo
        maxTimeoutSeconds = json["maxTimeoutSeconds"]?.int
        extra = (json["extra"]?.object ?? [:]).compactMapValues(\.text)
    }
}

/// A chain, whichever of its spellings an answer uses: `base` or `eip155:8453`, `solana` or its CAIP-2 form.
public struct PaymentNetwork: Sendable, Hashable {
    /// As written.
    public var word: String

    public init(_ word: String) { self.word = word }

    /// Base mainnet, the only EVM chain.
    public var isBase: Bool { ["base", "eip155:8453", "8453"].contains(word.lowercased()) }
    /// Solana mainnet.
    public var isSolana: Bool {
        word.lowercased() == "solana" || word == "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
    }
}

/// What the top-up route asks for: one of these rails, signed.
public struct TopUpOffer: Sendable, Hashable {
    public var version: Int
    public var rails: [PaymentRail]

    /// Nil when this is no x402 object.
    init?(_ json: JSON) {
        guard let version = json["x402Version"]?.int else { return nil }
        self.version = version
        rails = (json["accepts"]?.array ?? []).prefix(20).compactMap(PaymentRail.init)
    }
}

/// How a payment was settled (`PAYMENT-RESPONSE`).
public struct Settlement: Sendable, Hashable {
    public var success: Bool
    public var network: PaymentNetwork?
    public var payer: String?
    public var transaction: String?

    init?(_ json: JSON) {
        guard let success = json["success"]?.bool else { return nil }
        self.success = success
        network = json["network"]?.text.map { PaymentNetwork($0) }
        payer = json["payer"]?.text
        transaction = json["transaction"]?.text
    }
}

/// A fresh challenge to sign in with a wallet, as a 402 carries it.
public struct SignInChallenge: Sendable, Hashable {
    public var domain: String?
    public var uri: String?
    public var version: String?
    public var nonce: String?
    public var issuedAt: Date?
    public var expirationTime: Date?
    /// To be copied word for word: its wording has changed before (PROTOCOL §20, row 35).
    public var statement: String?
    public var chains: [Chain]

    public struct Chain: Sendable, Hashable {
        public var network: PaymentNetwork
        /// `eip191`, `eip1271`, `ed25519`.
        public var signature: String?
    }

    /// Reads `{info, supportedChains}`. Nil without either.
    init?(_ json: JSON?) {
        guard let json, json["info"] != nil || json["supportedChains"] != nil else { return nil }
        let info = json["info"]
        domain = info?["domain"]?.text
        uri = info?["uri"]?.text
        version = info?["version"]?.text
        nonce = info?["nonce"]?.text
        issuedAt = info?["issuedAt"]?.text.flatMap(Wire.date)
        expirationTime = info?["expirationTime"]?.text.flatMap(Wire.date)
        statement = info?["statement"]?.text
        chains = (json["supportedChains"]?.array ?? []).prefix(20).compactMap { chain in
            guard let id = chain["chainId"]?.text ?? chain.text else { return nil }
            return Chain(network: PaymentNetwork(id), signature: chain["type"]?.text)
        }
    }
}

/// The answer to a call without any credential: what it would have taken.
public struct PaymentDiscovery: Sendable, Hashable {
    public var offer: TopUpOffer
    /// The route that was asked for.
    public var resource: String?
    public var signIn: SignInChallenge?

    init?(_ json: JSON) {
        guard let offer = TopUpOffer(json) else { return nil }
        self.offer = offer
        resource = json["resource"]?["url"]?.text
        signIn = SignInChallenge(json["extensions"]?["sign-in-with-x"])
    }
}

/// A wallet below what any call needs: by how much, and how to top it up.
public struct WalletShortfall: Sendable, Hashable {
    public var balance: Money?
    public var minimum: Money?
    public var suggestedTopUp: Money?
    public var minimumTopUp: Money?
    public var tokens: [String]
    public var networks: [PaymentNetwork]
    public var instructions: TopUpInstructions?
    public var signIn: SignInChallenge?

    init(_ json: JSON) {
        func money(_ key: String) -> Money? { json[key]?.decimal.map(Money.init(usd:)) }
        balance = money("currentBalanceUsd")
        minimum = money("minimumBalanceUsd")
        suggestedTopUp = money("suggestedTopUpUsd")
        minimumTopUp = money("minimumTopUpUsd")
        tokens = json["supportedTokens"]?.texts ?? []
        networks = (json["supportedChains"]?.texts ?? []).map { PaymentNetwork($0) }
        instructions = json["topUpInstructions"].flatMap(TopUpInstructions.init)
        signIn = SignInChallenge(json["siwxChallenge"])
    }
}

/// The upstream's own steps to top a wallet up, for people.
public struct TopUpInstructions: Sendable, Hashable {
    public var steps: [String]
    public var receiver: String?
    public var token: String?
    public var decimals: Int?
    public var network: PaymentNetwork?
    public var minimum: Money?

    init?(_ json: JSON) {
        guard let members = json.object else { return nil }
        steps = members.filter { $0.key.hasPrefix("step") }.sorted { $0.key < $1.key }.compactMap(\.value.text)
        receiver = json["receiverWallet"]?.text
        token = json["tokenAddress"]?.text
        decimals = json["tokenDecimals"]?.int
        network = json["network"]?.text.map { PaymentNetwork($0) }
        minimum = json["minimumAmountUsd"]?.decimal.map(Money.init(usd:))
    }
}
