import Foundation
import HTTPTransport
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

@Suite struct SignInTests {
    private let key = WalletKey(Redacted(String(repeating: "46", count: 32)))!
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func client(_ steps: ScriptedHTTPClient.Step...) -> (VeniceClient, ScriptedHTTPClient) {
        let http = ScriptedHTTPClient(steps)
        var client = VeniceClient(VeniceAccount(id: "main", credential: .wallet(key)), http: http)
        client.now = { [now] in now }
        return (client, http)
    }

    private func refusal(_ code: String, headers: HTTPHeaders = [:]) -> ScriptedHTTPClient.Step {
        .json(#"{"error": "Sign-in failed", "code": "X402_SIGN_IN_\#(code)"}"#, status: 401, headers: headers)
    }

    private let processing = ScriptedHTTPClient.Step.json(#"{"status": "PROCESSING"}"#)

    private func signIn(_ request: HTTPRequest) throws -> (message: String, fields: [String: String]) {
        let value = try #require(request.headers["SIGN-IN-WITH-X"])
        let data = try #require(Data(base64Encoded: value))
        let fields = try JSONDecoder().decode([String: String].self, from: data)
        return (try #require(fields["message"]), fields)
    }

    private func line(_ name: String, of message: String) -> String? {
        message.split(separator: "\n").first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
    }

    @Test func `the message is the one of EIP-4361 to the letter`() throws {
        let vector = try #require(WalletVectors.load().keys.first)
        var message = SignInMessage(
            address: vector.address, nonce: "0000000000000000",
            at: try Date("2027-01-15T08:00:00.000Z", strategy: .iso8601WithFraction))
        #expect(message.text == vector.signatures[2].message)
        message.statement = "Another"
        #expect(message.text.contains("\n\nAnother\n\nURI: https://api.venice.ai\n"))
    }

    @Test func `the header is base64 of address, message, signature and chain, and nothing else`() async throws {
        let (client, http) = client(processing)
        _ = try await client.retrieve(model: "m", queueID: "q")
        let (message, fields) = try signIn(http.requests[0])
        #expect(fields.keys.sorted() == ["address", "chainId", "message", "signature"])
        #expect(fields["address"] == key.address && fields["chainId"] == "eip155:8453")
        #expect(fields["signature"] == key.sign(message))
        #expect(line("Issued At", of: message) == "2027-01-15T08:00:00.000Z")
        #expect(line("Expiration Time", of: message) == "2027-01-15T08:04:00.000Z")
        #expect(http.requests[0].headers["Authorization"] == nil)
    }

    @Test func `every request has a nonce of its own`() async throws {
        let (client, http) = client(processing, processing, processing, .json(#"{"success": true}"#))
        for _ in 0..<3 { _ = try await client.retrieve(model: "m", queueID: "q") }
        try await client.complete(model: "m", queueID: "q")
        let nonces = try http.requests.map { try #require(line("Nonce", of: signIn($0).message)) }
        #expect(Set(nonces).count == 4)
        #expect(nonces.allSatisfy { $0.utf8.count == 16 && $0.allSatisfy(\.isHexDigit) })
    }

    @Test func `only routes that read a signature get one`() {
        let routes: [(String, RouteCredential)] = [
            ("/models?type=video", .open), ("/video/quote", .open), ("/x402/top-up", .open),
            ("/video/transcriptions", .open), ("/video/queue", .keyOrWallet), ("/video/retrieve", .keyOrWallet),
            ("/video/complete", .keyOrWallet), ("/api_keys/rate_limits", .keyOnly),
            ("/api_keys/rate_limits/log", .keyOnly),
            ("/billing/usage-history?limit=1", .keyOnly), ("/x402/balance/0x1", .walletOnly),
            ("/x402/transactions/0x1?limit=5", .walletOnly),
        ]
        let (client, _) = client()
        for (path, credential) in routes {
            #expect(RouteCredential(path: path) == credential, "\(path)")
            let headers = client.request("GET", path, client.timeouts.call).headers
            let isSigned = credential == .keyOrWallet || credential == .walletOnly
            #expect((headers["SIGN-IN-WITH-X"] != nil) == isSigned, "\(path)")
            #expect(headers["Authorization"] == nil && headers["X-Sign-In-With-X"] == nil)
        }
    }

    @Test func `a route that reads keys alone is not asked in a wallet's name`() async {
        let (client, http) = client()
        let error = await failure { () async throws(VeniceError) in try await client.rateLimits() }
        #expect(error?.word == "operator must act")
        #expect(http.requests.isEmpty)
    }

    @Test func `a link gets no signature, and no redirect is followed with one`() async throws {
        let (client, http) = client(
            .answer(status: 200, headers: [:], chunks: [mp4], failure: nil),
            .answer(status: 307, headers: ["Location": "https://elsewhere.example/"], chunks: [], failure: nil))
        _ = try await client.download(Redacted("https://share.venice.ai/file"))
        #expect(http.requests[0].headers["SIGN-IN-WITH-X"] == nil)
        _ = await failure { () async throws(VeniceError) in try await client.retrieve(model: "m", queueID: "q") }
        #expect(http.requests.count == 2)
        #expect(http.requests.allSatisfy { !$0.url.contains("elsewhere") })
    }

    @Test func `a signature does not show in a request's description`() {
        let (client, _) = client()
        let request = client.request("POST", "/video/queue", client.timeouts.call)
        #expect("\(request)".contains("SIGN-IN-WITH-X: ‹redacted›"))
    }

    @Test(arguments: SignInRefusal.allCases)
    func `three refusals are worth one more signature, the others go to the operator`(refusal: SignInRefusal)
        async throws
    {
        let (client, http) = client(self.refusal(refusal.rawValue), self.refusal(refusal.rawValue), processing)
        let error = await failure { () async throws(VeniceError) in try await client.retrieve(model: "m", queueID: "q")
        }
        #expect(http.requests.count == (refusal.deservesAnother ? 2 : 1))
        #expect(error?.word == (refusal.deservesAnother ? "not sent" : "operator must act"))
        #expect(error?.evidence.code == refusal.code)
        #expect(error?.evidence.status == 401)
        #expect(SignInRefusal.allCases.filter(\.deservesAnother) == [.expired, .futureTimestamp, .nonceReused])
    }

    @Test func `the second signature has another nonce and can succeed`() async throws {
        let (client, http) = client(refusal("NONCE_REUSED"), processing)
        _ = try await client.retrieve(model: "m", queueID: "q")
        let nonces = try http.requests.map { line("Nonce", of: try signIn($0).message) }
        #expect(nonces.count == 2 && nonces[0] != nonces[1])
        #expect(http.requests[0].bodyText == http.requests[1].bodyText)
        #expect(http.requests[1].headers.all("SIGN-IN-WITH-X").count == 1)
    }

    @Test func `a wrong clock is set by the Date of the refusal`() async throws {
        let late = refusal("FUTURE_TIMESTAMP", headers: ["Date": "Fri, 15 Jan 2027 07:50:00 GMT"])
        let (client, http) = client(late, processing, processing)
        for _ in 0..<2 { _ = try await client.retrieve(model: "m", queueID: "q") }
        let issued = try http.requests.map { line("Issued At", of: try signIn($0).message) }
        #expect(issued == ["2027-01-15T08:00:00.000Z", "2027-01-15T07:50:01.000Z", "2027-01-15T07:50:01.000Z"])
    }

    @Test func `a date out of a cache, or from a link, sets no clock`() async throws {
        let (client, http) = client(
            .answer(
                status: 200, headers: ["Date": "Fri, 15 Jan 2027 07:00:00 GMT"], chunks: [mp4], failure: nil),
            .json(
                #"{"status": "PROCESSING"}"#, headers: ["Date": "Fri, 15 Jan 2027 07:00:00 GMT", "Age": "3600"]),
            processing)
        _ = try await client.download(Redacted("https://share.venice.ai/file"))
        for _ in 0..<2 { _ = try await client.retrieve(model: "m", queueID: "q") }
        #expect(try line("Issued At", of: signIn(http.requests[2]).message) == "2027-01-15T08:00:00.000Z")
    }

    @Test(arguments: SignInRefusal.allCases)
    func `a paid submission is signed once, and a used nonce says that it arrived twice`(refusal: SignInRefusal)
        async throws
    {
        let (client, http) = client(self.refusal(refusal.rawValue), .json(#"{"model": "m", "queue_id": "q"}"#))
        let journal = Mutex<[Int]>([])
        let request = try QueueRequest(.sample, model: .sample())
        let error = await failure { () async throws(VeniceError) in
            try await client.queue(request) { answer in journal.withLock { $0.append(answer.status) } }
        }
        #expect(http.requests.count == 1)
        #expect(journal.withLock { $0 } == [401])
        #expect(error?.word == Self.paidWord(refusal))
    }

    /// Each nonce is fresh and goes out once, so a used one tells that another copy came first, which may be charged.
    private static func paidWord(_ refusal: SignInRefusal) -> String {
        switch refusal {
        case .nonceReused: "outcome unknown"
        case .expired, .futureTimestamp: "not sent"
        default: "operator must act"
        }
    }

    @Test func `a submission that comes back after a refusal is signed by the service's time`() async throws {
        let early = refusal("EXPIRED", headers: ["Date": "Fri, 15 Jan 2027 08:10:00 GMT"])
        let (client, http) = client(early, .json(#"{"model": "m", "queue_id": "q"}"#))
        let request = try QueueRequest(.sample, model: .sample())
        _ = await failure { () async throws(VeniceError) in try await client.queue(request) { _ in } }
        let receipt = try await client.queue(request) { _ in }
        #expect(receipt.queueID == "q")
        #expect(try line("Issued At", of: signIn(http.requests[1]).message) == "2027-01-15T08:10:00.000Z")
    }

    @Test func `a journalled refusal is read the same way after a crash`() {
        for refusal in SignInRefusal.allCases {
            let body = Array(#"{"error": "no", "code": "\#(refusal.code)"}"#.utf8)
            let answer = QueueAnswer(status: 401, headers: [:], body: body, isWhole: true)
            guard case .failure(let error) = VeniceClient.outcome(of: answer, requestedModel: "m") else {
                Issue.record("a 401 is no receipt")
                continue
            }
            #expect(error.word == Self.paidWord(refusal))
            #expect(error.asksForNewSignature == (refusal == .expired || refusal == .futureTimestamp))
        }
    }

    @Test func `a payment under a used nonce may have been credited`() async {
        let (client, http) = client(refusal("NONCE_REUSED"))
        let error = await failure { () async throws(VeniceError) in
            try await client.topUp(payment: Redacted("cGF5"))
        }
        #expect(error?.word == "outcome unknown")
        #expect(http.requests.count == 1)
    }

    @Test func `a host behind a link is not believed about signatures`() async {
        let (client, http) = client(refusal("EXPIRED"))
        let error = await failure { () async throws(VeniceError) in
            try await client.download(Redacted("https://share.venice.ai/file"))
        }
        #expect(error?.asksForNewSignature == false)
        #expect(http.requests.count == 1)
    }

    @Test(.timeLimit(.minutes(10)))
    func `no more than five requests of a wallet are without an answer, and those that waited are signed by then`()
        async throws
    {
        let http = HeldHTTPClient()
        let time = Mutex(now)
        var client = VeniceClient(VeniceAccount(id: "main", credential: .wallet(key)), http: http)
        client.now = { time.withLock { $0 } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { [client] in _ = try await client.retrieve(model: "m", queueID: "q") }
            }
            while client.gate.waiting < 3 { await Task.yield() }
            await http.waitFor(5)
            time.withLock { $0 += 1000 }
            http.open()
            try await group.waitForAll()
        }
        #expect(http.most == 5)
        let issued = try http.requests.map { try #require(line("Issued At", of: signIn($0).message)) }
        #expect(issued.count { $0 == "2027-01-15T08:00:00.000Z" } == 5)
        #expect(issued.count { $0 == "2027-01-15T08:16:40.000Z" } == 3)
        #expect(Set(try http.requests.map { line("Nonce", of: try signIn($0).message) }).count == 8)
    }

    @Test(.timeLimit(.minutes(10))) func `who is cancelled in line takes no place`() async {
        let gate = Gate(places: 1)
        #expect(await gate.enter() == .atOnce)
        let waiting = Task { await gate.enter() }
        while gate.waiting < 1 { await Task.yield() }
        waiting.cancel()
        #expect(await waiting.value == .cancelled)
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await gate.enter()
        }
        #expect(await late.value == .cancelled)
        gate.leave()
        #expect(await gate.enter() == .atOnce)
        let next = Task { await gate.enter() }
        while gate.waiting < 1 { await Task.yield() }
        gate.leave()
        #expect(await next.value == .afterWaiting)
    }

    @Test func `a key account is never signed for`() async {
        let http = ScriptedHTTPClient(refusal("EXPIRED"))
        let error = await failure { () async throws(VeniceError) in
            try await VeniceClient(http).retrieve(model: "m", queueID: "q")
        }
        #expect(http.requests.count == 1 && http.requests[0].headers["SIGN-IN-WITH-X"] == nil)
        #expect(error?.word == "not sent")
    }
}

extension ParseStrategy where Self == Date.ISO8601FormatStyle {
    fileprivate static var iso8601WithFraction: Self { Date.ISO8601FormatStyle(includingFractionalSeconds: true) }
}

/// Answers nobody before it is opened, and counts who waits.
private final class HeldHTTPClient: HTTPClient {
    private struct State {
        var requests: [HTTPRequest] = []
        var underWay = 0
        var most = 0
        var isOpen = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var requests: [HTTPRequest] { state.withLock { $0.requests } }
    var most: Int { state.withLock { $0.most } }

    func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        state.withLock { state in
            state.requests.append(request)
            state.underWay += 1
            state.most = max(state.most, state.underWay)
        }
        await withCheckedContinuation { continuation in
            let goesOn = state.withLock { state in
                if !state.isOpen { state.held.append(continuation) }
                return state.isOpen
            }
            if goesOn { continuation.resume() }
        }
        state.withLock { $0.underWay -= 1 }
        return HTTPResponse(
            status: 200, headers: ["Content-Type": "application/json"],
            body: HTTPResponseBody([Array(#"{"status": "PROCESSING"}"#.utf8)]))
    }

    func waitFor(_ count: Int) async {
        while state.withLock({ $0.held.count }) < count { await Task.yield() }
    }

    func open() {
        let held = state.withLock { state in
            state.isOpen = true
            return state.held
        }
        for continuation in held { continuation.resume() }
    }
}
