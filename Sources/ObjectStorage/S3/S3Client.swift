import Foundation
import HTTPTransport
import Synchronization
import VideoModels

/// One request, before it is signed.
struct S3Call: Sendable {
    var method: String
    /// The object's key with our prefix; empty for the bucket.
    var name = ""
    var query: [(name: String, value: String)] = []
    /// Names in lower case; all of them are signed.
    var headers: [(name: String, value: String)] = []
    var body = HTTPRequest.Body.none
    /// SHA-256 of the body.
    var payload = SigV4.emptyHash
    /// Until the answer begins; putting parts together may take a service long.
    var patience: Duration = .seconds(30)

    init(_ method: String, _ name: String = "") { (self.method, self.name) = (method, name) }

    static func bytes(_ method: String, _ name: String, _ bytes: [UInt8]) -> S3Call {
        var call = S3Call(method, name)
        call.body = .bytes(bytes)
        call.payload = ContentHash(of: bytes).hex
        return call
    }
}

/// Signs requests, sends them, and repeats what is worth repeating.
final class S3Client: Sendable {
    let location: S3Location
    private let signer: SigV4
    private let http: any HTTPClient
    private let policy: S3RetryPolicy
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> Date
    /// How far the service's clock is ahead of this machine's, once that has mattered.
    private let skew = Mutex<TimeInterval>(0)

    /// The longest XML answer: a page of 1000 keys needs a third of it.
    private static let answerLimit = 4 << 20

    init(
        _ location: S3Location, _ credentials: S3Credentials, http: any HTTPClient, policy: S3RetryPolicy,
        clock: any Clock<Duration>, now: @escaping @Sendable () -> Date
    ) {
        self.location = location
        signer = SigV4(credentials: credentials, region: location.region)
        (self.http, self.policy, self.clock, self.now) = (http, policy, clock, now)
    }

    /// The head of a good answer, its body still to come.
    func send(_ call: S3Call) async throws(S3Failure) -> HTTPResponse {
        try await repeating { () async throws(S3Failure) in try await self.once(call) }
    }

    /// A good answer with all of its body, as XML where it has one.
    func ask(_ call: S3Call) async throws(S3Failure) -> (headers: HTTPHeaders, xml: XMLTree?) {
        try await repeating { () async throws(S3Failure) in
            let response = try await self.once(call)
            let bytes = try await Self.collect(response.body)
            guard call.method != "HEAD", !bytes.isEmpty else { return (response.headers, nil) }
            guard let xml = XMLTree(bytes) else { throw S3Failure.unreadable("no XML") }
            // Copies and joined parts begin to answer before they are done.
            if xml.name == "Error" {
                throw S3Failure.refused(S3Refusal(status: 500, code: xml["Code"], message: xml["Message"] ?? ""))
            }
            return (response.headers, xml)
        }
    }

    /// An address that is good for reading an object for a while.
    func link(to name: String, seconds: Int, query: [(name: String, value: String)]) -> Redacted<String> {
        let path = location.path(name)
        let request = SigV4.Signable(
            method: "GET", path: path, query: query, headers: [("host", location.host)], payload: "")
        return Redacted("\(location.origin)\(path)?\(signer.query(for: request, at: time, seconds: seconds))")
    }

    private var time: Date { now().addingTimeInterval(skew.withLock { $0 }) }

    private func repeating<Answer: Sendable>(
        _ work: () async throws(S3Failure) -> Answer
    ) async throws(S3Failure) -> Answer {
        var attempt = 0
        while true {
            let failure: S3Failure
            switch await Outcome.of(work) {
            case .success(let answer): return answer
            case .failure(let error): failure = error
            }
            let retry = failure.retry
            guard let wait = policy.wait(after: attempt, retry, chance: .random(in: 0...1)) else { throw failure }
            if case .at(let date) = retry { skew.withLock { $0 = date.timeIntervalSince(now()) } }
            do { try await clock.sleep(for: wait) } catch { throw .cancelled }
            attempt += 1
        }
    }

    private func once(_ call: S3Call) async throws(S3Failure) -> HTTPResponse {
        let response: HTTPResponse
        switch await Outcome.of({ () async throws(HTTPClientError) in try await http.send(request(call)) }) {
        case .success(let answer): response = answer
        case .failure(let error): throw .transport(error)
        }
        guard response.status >= 300 else { return response }
        let date = response.headers["Date"].flatMap(HTTPDate.date(from:))
        // The status alone says enough where the body cannot be read.
        let xml = (try? await response.body.collect(upTo: 64 << 10)).flatMap(XMLTree.init)
        throw .refused(
            S3Refusal(status: response.status, code: xml?["Code"], message: xml?["Message"] ?? "", date: date))
    }

    private func request(_ call: S3Call) -> HTTPRequest {
        let path = location.path(call.name)
        let signable = SigV4.Signable(
            method: call.method, path: path, query: call.query, headers: [("host", location.host)] + call.headers,
            payload: call.payload)
        let query = SigV4.canonical(call.query)
        var request = HTTPRequest(
            call.method, location.origin + path + (query.isEmpty ? "" : "?" + query), body: call.body,
            timeouts: HTTPTimeouts(firstByte: call.patience))
        for (name, value) in call.headers + signer.headers(for: signable, at: time) { request.headers.add(name, value) }
        request.acceptsCompression = false
        return request
    }

    private static func collect(_ body: HTTPResponseBody) async throws(S3Failure) -> [UInt8] {
        switch await Outcome.of({ () async throws(HTTPClientError) in try await body.collect(upTo: answerLimit) }) {
        case .success(let bytes): return bytes
        case .failure(let error): throw .transport(error)
        }
    }
}

/// A typed error as a value.
enum Outcome {
    static func of<Value, Failure: Error>(
        _ work: () async throws(Failure) -> Value
    ) async -> Result<Value, Failure> {
        do { return .success(try await work()) } catch { return .failure(error) }
    }
}
