/// What chaos picks from: everything that the service, its edge and the network between have been seen to do. What asks a
/// person (consent, money, a region) is left out, since no client could come through it by itself.
enum ChaosMenu {
    static func draw(_ endpoint: Endpoint, _ dice: inout Dice) -> Fault.Action? {
        let menu = dishes(endpoint)
        guard let dish = menu.randomElement(using: &dice) else { return nil }
        return serve(dish, endpoint, &dice)
    }

    /// Kinds of trouble; what a kind leaves open is drawn when it is served.
    enum Dish: CaseIterable {
        case reset, edgePage, late, throttle
        case swallow, lose, silent, resetUpload, internalError, hiddenSuccess, failJob, capacity, refuseContent
        case badGateway, truncate, stall, resetBody, drip, mislabel, chunked, empty, dialect, block
    }

    static func dishes(_ endpoint: Endpoint) -> [Dish] {
        switch endpoint {
        case .connection, .unknown: []
        case .queue:
            common + [
                .swallow, .lose, .silent, .resetUpload, .internalError, .hiddenSuccess, .failJob, .capacity,
                .refuseContent,
                .truncate, .resetBody, .empty, .dialect, .block,
            ]
        case .retrieve:
            common + [
                .badGateway, .lose, .silent, .internalError, .capacity, .truncate, .stall, .resetBody, .drip, .mislabel,
                .chunked, .empty, .dialect, .block,
            ]
        case .download: common + [.lose, .truncate, .stall, .resetBody, .drip, .chunked, .mislabel]
        case .quote, .models: common + [.internalError, .truncate, .chunked, .dialect]
        default: common + [.lose, .internalError]
        }
    }

    private static let common: [Dish] = [.reset, .edgePage, .late, .throttle]

    private static func serve(_ dish: Dish, _ endpoint: Endpoint, _ dice: inout Dice) -> Fault.Action {
        /// Somewhere in the head of a file, in its middle, or at once.
        let bytes = Int(dice.next() % 40_000)
        switch dish {
        case .reset: return .reset
        case .edgePage: return .edgePage(status: pick([502, 503, 504, 520, 524], &dice))
        case .late: return .answerLate(milliseconds: 100 + bytes % 400)
        case .throttle: return .tooManyRequests(form: pick(RateLimitForm.allCases, &dice), seconds: 1)
        case .block: return .block(seconds: 2)
        case .swallow: return .swallow
        case .lose: return .loseAnswer
        case .silent: return .neverAnswer
        case .resetUpload: return .resetAfter(bytes: bytes % 200)
        case .internalError: return .refuse(with: .inference)
        case .hiddenSuccess: return .reply(status: 500, body: Self.failed, processed: true)
        case .failJob: return .failJob(with: pick(Fault.FailureKind.allCases, &dice))
        case .capacity: return .refuse(with: .capacity)
        case .refuseContent: return .refuse(with: pick([.contentPolicy, .providerContentPolicy], &dice))
        case .badGateway: return .badGateway
        case .truncate: return .truncate(after: bytes)
        case .stall: return .stall(after: bytes)
        case .resetBody: return .resetBody(after: bytes)
        case .drip: return .drip(bytes: 32_768, everyMilliseconds: 5)
        case .mislabel: return .mislabel(contentType: pick(["application/octet-stream", "text/html", ""], &dice))
        case .chunked: return .omitLength
        case .empty: return .emptyBody
        case .dialect: return .dialect(with: pick(dialects(endpoint), &dice))
        }
    }

    private static let failed = #"{"error":"Inference processing failed"}"#

    private static func dialects(_ endpoint: Endpoint) -> [Dialect] {
        switch endpoint {
        case .queue: [.idLower, .idCamel, .idPlain, .statusQueued, .extraKeys, .jsonAsText]
        case .quote: [.quoteCurrency, .extraKeys, .untyped]
        case .retrieve:
            [
                .statusLower, .wordQueued, .wordRunning, .wordPending, .wordInProgress, .wordUnknown, .timingsCamel,
                .timingsEstimated, .timingsText, .timingsMissing, .inlineURL, .extraKeys, .videoOctetStream,
                .videoQuickTime, .videoAsJSON, .jsonAsVideo, .untyped,
            ]
        default: [.extraKeys, .untyped]
        }
    }

    private static func pick<Element>(_ choices: [Element], _ dice: inout Dice) -> Element {
        choices[Int(dice.next() % UInt64(choices.count))]
    }
}
