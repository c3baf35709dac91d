/// What a status means at an endpoint (PROTOCOL §12.2). `VeniceError.init` refines some of it by the body.
enum Verdict: String, Hashable, Sendable {
    /// Fix the request.
    case invalid
    /// Key, permission, region.
    case account
    case payment
    /// Model, job or file: not there.
    case gone
    case consent
    /// Content policy or media out of bounds.
    case refused
    case throttled
    case passing
    /// Passing, or the repeated end of a job.
    case passingOrFinal
    /// A submission that may have been taken, or a payment that may have been credited.
    case unknownOutcome
    case unexpected

    /// Nothing that is tried later would change it.
    var isFinal: Bool { self == .invalid || self == .gone || self == .refused }
}

/// The table endpoint × status → verdict, as data.
enum StatusTable {
    /// What the statuses mean at some endpoints that treat them alike.
    struct Column: Sendable {
        let endpoints: [VeniceEndpoint]
        let verdicts: [Int: Verdict]
        /// Any other 4xx, any other 5xx, and what is no answer to a question at all: a redirect, an unasked 1xx.
        let other: (client: Verdict, server: Verdict, odd: Verdict)
    }

    static let columns = [
        Column(
            endpoints: [.models, .rateLimits, .rateLimitLog, .billingBalance],
            verdicts: [401: .account, 402: .payment, 403: .account, 408: .passing, 429: .throttled],
            other: (client: .unexpected, server: .passing, odd: .unexpected)),
        // A cursor that is no longer taken is a 400.
        Column(
            endpoints: [.usageHistory],
            verdicts: [400: .invalid, 401: .account, 402: .payment, 403: .account, 408: .passing, 429: .throttled],
            other: (client: .unexpected, server: .passing, odd: .unexpected)),
        Column(
            endpoints: [.quote],
            verdicts: [
                401: .account, 402: .payment, 403: .account, 404: .gone, 408: .passing, 410: .gone, 422: .refused,
                429: .throttled,
            ],
            other: (client: .invalid, server: .passing, odd: .unexpected)),
        // A submission counts as refused only where that is certain: a timeout of the edge, a redirect and any 5xx may
        // hide one that was taken.
        Column(
            endpoints: [.queue],
            verdicts: [
                401: .account, 402: .payment, 403: .account, 404: .gone, 408: .unknownOutcome, 409: .consent,
                410: .gone,
                422: .refused, 429: .throttled,
            ],
            other: (client: .invalid, server: .unknownOutcome, odd: .unknownOutcome)),
        Column(
            endpoints: [.retrieve],
            verdicts: [
                400: .invalid, 401: .account, 402: .payment, 403: .account, 404: .gone, 408: .passing, 409: .passing,
                410: .gone, 413: .invalid, 415: .invalid, 422: .refused, 429: .throttled, 500: .passingOrFinal,
            ],
            other: (client: .unexpected, server: .passing, odd: .unexpected)),
        // At present 400 is the normal answer, whatever the id.
        Column(
            endpoints: [.complete],
            verdicts: [
                400: .gone, 401: .account, 402: .payment, 403: .account, 404: .gone, 408: .passing, 409: .passing,
                410: .gone, 413: .invalid, 415: .invalid, 422: .invalid, 429: .throttled,
            ],
            other: (client: .unexpected, server: .passing, odd: .unexpected)),
        // Retired: 410 is the normal answer.
        Column(
            endpoints: [.transcriptions],
            verdicts: [
                401: .account, 402: .payment, 403: .account, 404: .gone, 408: .passing, 410: .gone, 422: .refused,
                429: .throttled,
            ],
            other: (client: .invalid, server: .passing, odd: .unexpected)),
        // 403: the wallet that signed is another one than the path names.
        Column(
            endpoints: [.walletBalance, .walletTransactions],
            verdicts: [400: .invalid, 401: .account, 402: .payment, 403: .account, 408: .passing, 429: .throttled],
            other: (client: .unexpected, server: .passing, odd: .unexpected)),
        Column(
            endpoints: [.topUpOffer],
            verdicts: [402: .payment, 403: .account, 408: .passing, 429: .throttled],
            other: (client: .unexpected, server: .passing, odd: .unexpected)),
        // 409: the same payment is settling. 5xx: it may have been credited.
        Column(
            endpoints: [.topUp],
            verdicts: [
                401: .account, 402: .payment, 403: .account, 408: .unknownOutcome, 409: .passing, 429: .throttled,
            ],
            other: (client: .invalid, server: .unknownOutcome, odd: .unknownOutcome)),
        Column(
            endpoints: [.download],
            verdicts: [404: .gone, 408: .passing, 410: .gone, 429: .throttled],
            other: (client: .passingOrFinal, server: .passing, odd: .unexpected)),
        Column(
            endpoints: [.deleteDownload],
            verdicts: [408: .passing, 409: .passing, 429: .throttled],
            other: (client: .gone, server: .passing, odd: .unexpected)),
    ]

    /// Whether a body can say for good that a job or its file is lost. A job is paid by then, so only the API's own JSON
    /// can: a page, plain words or nothing may come from whatever stands in front of it. The store behind a link speaks no
    /// JSON, and is doubted only where it answers with a page.
    static func believes(_ told: ErrorBody, at endpoint: VeniceEndpoint) -> Bool {
        switch endpoint {
        case .retrieve: told.isFromAPI
        case .download: !told.isPage
        default: true
        }
    }

    static func verdict(_ endpoint: VeniceEndpoint, _ status: Int) -> Verdict {
        // Every endpoint has its column; a test says so.
        guard let column = columns.first(where: { $0.endpoints.contains(endpoint) }) else { return .unexpected }
        if let verdict = column.verdicts[status] { return verdict }
        switch status {
        case 400..<500: return column.other.client
        case 500..<600: return column.other.server
        default: return column.other.odd
        }
    }
}
