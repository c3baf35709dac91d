public import Foundation
public import HTTPTransport
public import VideoModels

/// What any answer of the API says beside its body (PROTOCOL §11). All of it is optional upstream.
public struct AnswerHeaders: Sendable, Hashable {
    public var rateLimits: RateLimitHeaders
    /// The key's balance before the request.
    public var balance: Money?
    public var balanceDIEM: Decimal?
    /// The wallet's credit after the request.
    public var walletBalance: Money?
    /// Names the request at the edge, for support.
    public var ray: String?
    public var requestID: String?
    public var version: String?
    public var hostName: String?
    /// The machine's own clock, as written.
    public var timestamp: String?
    /// What the upstream calls the model that did the work; another one than asked for after a remapping.
    public var model: AnsweringModel
    public var deprecation: DeprecationNotice
    public var content: ContentFlags
    /// What a payment would have to look like; another form of what the body of a 402 says.
    public var paymentRequired: TopUpOffer?
    /// How a payment was settled.
    public var settlement: Settlement?
    /// The server's clock.
    public var date: Date?

    public init(_ headers: HTTPHeaders) {
        func decimal(_ name: String) -> Decimal? { headers[name].flatMap { JSON.string($0).decimal } }
        rateLimits = RateLimitHeaders(headers)
        balance = decimal("x-venice-balance-usd").map(Money.init(usd:))
        balanceDIEM = decimal("x-venice-balance-diem")
        walletBalance = decimal("X-Balance-Remaining").map(Money.init(usd:))
        ray = headers.short("CF-RAY")
        requestID = headers.short("X-Request-ID")
        version = headers.short("x-venice-version")
        hostName = headers.short("x-venice-host-name")
        timestamp = headers.short("x-venice-timestamp")
        model = AnsweringModel(headers)
        deprecation = DeprecationNotice(headers)
        content = ContentFlags(headers)
        paymentRequired = headers.object("PAYMENT-REQUIRED").flatMap(TopUpOffer.init)
        settlement = headers.object("PAYMENT-RESPONSE").flatMap(Settlement.init)
        date = headers["Date"].flatMap(HTTPDate.date)
    }
}

/// Which model answered, by the three names that a header may give it.
public struct AnsweringModel: Sendable, Hashable {
    public var id: String?
    public var name: String?
    public var router: String?

    init(_ headers: HTTPHeaders) {
        id = headers.short("x-venice-model-id")
        name = headers.short("x-venice-model-name")
        router = headers.short("x-venice-model-router")
    }
}

/// That a model or a route is going away; for operators.
public struct DeprecationNotice: Sendable, Hashable {
    public var warning: String?
    /// As written: a day, a moment, or words.
    public var date: String?
    /// `Deprecation` or `x-venice-deprecated`, as written: `true`, a moment, or words.
    public var word: String?
    /// What to use instead: the target of `Link: <…>; rel="successor-version"`, without its query.
    public var successor: String?

    /// Whether any of it was there.
    public var isGiven: Bool { warning != nil || date != nil || successor != nil || (word ?? "false") != "false" }

    init(_ headers: HTTPHeaders) {
        warning = headers.short("x-venice-model-deprecation-warning")
        date = headers.short("x-venice-model-deprecation-date")
        word = headers.short("Deprecation") ?? headers.short("x-venice-deprecated")
        successor = headers.all("Link").lazy.compactMap(Self.successor).first
    }

    private static func successor(_ link: String) -> String? {
        for entry in link.prefix(4096).split(separator: ",") where entry.contains("successor-version") {
            guard let open = entry.firstIndex(of: "<"), let close = entry.firstIndex(of: ">"), open < close else {
                continue
            }
            let target = entry[entry.index(after: open)..<close].prefix { $0 != "?" && $0 != "#" }
            return target.isEmpty ? nil : String(target.prefix(200))
        }
        return nil
    }
}

/// What the upstream's own check said of the content. Declared for pictures; kept if a video answer has it too.
public struct ContentFlags: Sendable, Hashable {
    public var isViolation: Bool?
    public var isBlurred: Bool?
    public var isAdultModelViolation: Bool?
    public var containsMinor: Bool?

    init(_ headers: HTTPHeaders) {
        func flag(_ name: String) -> Bool? { headers[name].flatMap { JSON.string($0.lowercased()).bool } }
        isViolation = flag("x-venice-is-content-violation")
        isBlurred = flag("x-venice-is-blurred")
        isAdultModelViolation = flag("x-venice-is-adult-model-content-violation")
        containsMinor = flag("x-venice-contains-minor")
    }
}

extension HTTPHeaders {
    /// A value as words for a log: one line, shortened, nil when empty.
    fileprivate func short(_ name: String) -> String? {
        self[name].map(Scrubber.clean).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A value that is base64 of a JSON object.
    fileprivate func object(_ name: String) -> JSON? {
        guard let value = self[name], value.utf8.count <= 65_536, let data = Data(base64Encoded: value) else {
            return nil
        }
        return JSON(data).flatMap { $0.object == nil ? nil : $0 }
    }
}
