import Foundation
import HTTPTransport
import Synchronization
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// What each failure on a real socket means for a paid submission, and for a call that may be repeated (PROTOCOL §12.2):
/// "not sent" exactly where no byte of the request can have arrived.
struct SentOrNotTests {
    /// A server, or the lack of one, that does one thing wrong.
    enum Fault: String, CaseIterable {
        case refuses, nameUnknown, connectsToNobody, handshakeNeverEnds, plainTextOnTLS, certificateUntrusted
        case certificateExpired, certificateOfAnother, certificateSelfSigned, protocolTooOld, proxyRefuses
        case resetsUnread, resetsInHead, resetsInBody, resetsAfterRequest, swallows, silentOnTLS, neverAnswers
        case answersHalfAHead, answersHalfABody, stallsInABody, dripsWithoutEnd, answersNonsense

        /// The word of `queue`, that of every other call, and whether the server may read any byte of the request.
        var row: (queue: String, others: Set<String>, arrives: Bool) {
            switch self {
            case .refuses, .nameUnknown, .connectsToNobody, .handshakeNeverEnds, .plainTextOnTLS, .certificateUntrusted,
                .certificateExpired, .certificateOfAnother, .certificateSelfSigned, .protocolTooOld, .proxyRefuses:
                ("not sent", ["not sent"], false)
            case .resetsUnread, .resetsInHead, .resetsInBody, .resetsAfterRequest, .swallows, .neverAnswers,
                .answersHalfAHead,
                .answersHalfABody, .stallsInABody, .dripsWithoutEnd:
                ("outcome unknown", ["retry later"], true)
            // Nothing that is HTTP comes back; a GET gets openssl's own words.
            case .answersNonsense, .silentOnTLS:
                ("outcome unknown", ["retry later", "unexpected answer"], true)
            }
        }
    }

    @Test(arguments: Fault.allCases)
    func `a failure says whether the request may have arrived`(fault: Fault) async throws {
        let broken = try Broken(fault)
        let request = try QueueRequest(.sample, model: .sample())
        let row = fault.row
        let paid = await failure { () throws(VeniceError) in try await broken.client.queue(request) { _ in } }
        #expect(paid?.word == row.queue)
        #expect(paid?.evidence.status == nil || row.arrives)
        for (name, call) in Self.freeCalls {
            let word = await failure { () throws(VeniceError) in try await call(broken.client) }?.word ?? "nothing"
            #expect(row.others.contains(word), "\(name): \(word)")
        }
        if !row.arrives {
            let seen = String(decoding: broken.seen.value, as: UTF8.self)
            #expect(!seen.contains("POST") && !seen.contains(sampleKey))
        }
    }

    @Test func `a paid request that broke goes out once`() async throws {
        for fault in [Fault.swallows, .resetsAfterRequest, .answersHalfAHead, .neverAnswers] {
            let broken = try Broken(fault)
            let request = try QueueRequest(.sample, model: .sample())
            _ = await failure { () throws(VeniceError) in try await broken.client.queue(request) { _ in } }
            #expect(broken.connections == 1, "\(fault)")
        }
    }

    @Test func `a late answer to a paid request is its receipt`() async throws {
        let (arrived, release) = (Signal(), Signal())
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            arrived.fire()
            release.block()
            connection.answer(#"{"model":"m","queue_id":"q1"}"#)
        }
        let client = Broken.client(server.url)
        let request = try QueueRequest(.sample, model: .sample())
        async let receipt = client.queue(request) { _ in }
        await arrived.wait()
        release.fire()
        #expect(try await receipt.queueID == "q1")
    }

    @Test func `half an answer that names the job whole is a receipt`() async throws {
        let server = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"model\":\"m\",\"queue_id\":\"q1\"}")
        }
        let seen = Mutex<Bool?>(nil)
        let request = try QueueRequest(.sample, model: .sample())
        let receipt = try await Broken.client(server.url).queue(request) { answer in
            seen.withLock { $0 = answer.isWhole }
        }
        #expect(receipt.queueID == "q1")
        #expect(seen.withLock { $0 } == false)
    }

    @Test func `cancelling a retrieve closes its transfer, before the head and in the middle of the video`()
        async throws
    {
        let (arrived, closed) = (Signal(), Signal())
        let silent = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            arrived.fire()
            connection.awaitEnd()
            closed.fire()
        }
        let waiting = Task { try await Broken.client(silent.url).retrieve(model: "m", queueID: "q") }
        await arrived.wait()
        waiting.cancel()
        await closed.wait()
        await #expect(throws: VeniceError.self) { try await waiting.value }

        let (reading, gone) = (Signal(), Signal())
        let endless = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n")
            connection.send(mp4)
            while connection.send([UInt8](repeating: 0, count: 65536)) {}
            gone.fire()
        }
        let streaming = Task {
            guard case .video(let video) = try await Broken.client(endless.url).retrieve(model: "m", queueID: "q")
            else { return }
            for try await _ in video.body { reading.fire() }
        }
        await reading.wait()
        streaming.cancel()
        await gone.wait()
    }

    private typealias Call = @Sendable (VeniceClient) async throws(VeniceError) -> Void

    private static let freeCalls: [(name: String, call: Call)] = [
        ("models", { (client) throws(VeniceError) in _ = try await client.models() }),
        (
            "retrieve",
            { (client) throws(VeniceError) in
                guard case .video(let video) = try await client.retrieve(model: "m", queueID: "q") else { return }
                do throws(HTTPClientError) { for try await _ in video.body {} } catch {
                    throw VeniceError(.retrieve, error)
                }
            }
        ),
        ("complete", { (client) throws(VeniceError) in _ = try await client.complete(model: "m", queueID: "q") }),
        ("rate limits", { (client) throws(VeniceError) in _ = try await client.rateLimits() }),
    ]
}

/// A client, and what it talks to.
private final class Broken: Sendable {
    let client: VeniceClient
    private let server: SocketServer?
    private let held: [any Sendable]
    /// What came where no request should come: the beginning of a handshake, or the request for a tunnel.
    let seen = Locked<[UInt8]>([])

    var connections: Int { server?.connections ?? 0 }

    init(_ fault: SentOrNotTests.Fault) throws {
        var tls: TLSServer?
        var certificates: TestCertificates?
        func serve(
            _ kind: TestCertificates.Kind, options: String = "", isTrusted: Bool = true
        ) throws -> (String, String?) {
            let made = try TestCertificates()
            let server = try TLSServer(made, kind, options: options)
            (certificates, tls) = (made, server)
            return ("https://localhost:\(server.port)", isTrusted ? made.authority : nil)
        }
        var server: SocketServer?
        var listener: SilentListener?
        var (url, authority, proxy) = ("", String?.none, CurlHTTPClient.Proxy.none)
        switch fault {
        case .nameUnknown: url = "http://nowhere.invalid"
        case .connectsToNobody:
            listener = try SilentListener()
            url = "http://127.0.0.1:\(listener!.port)"
        case .certificateUntrusted: (url, authority) = try serve(.good, isTrusted: false)
        case .certificateExpired: (url, authority) = try serve(.expired)
        case .certificateOfAnother: (url, authority) = try serve(.otherHost)
        case .certificateSelfSigned: (url, authority) = try serve(.selfSigned)
        case .protocolTooOld: (url, authority) = try serve(.good, options: "-tls1_1 -cipher DEFAULT@SECLEVEL=0")
        case .silentOnTLS: (url, authority) = try serve(.good)
        default:
            let made = try SocketServer { [seen] connection, _ in fault.serve(connection, seen) }
            if fault == .refuses { made.stop() }
            let isTLS = [.handshakeNeverEnds, .plainTextOnTLS, .proxyRefuses].contains(fault)
            url = (isTLS ? "https://" : "http://") + made.authority
            if fault == .proxyRefuses { (url, proxy) = ("https://venice.invalid", .url("http://\(made.authority)")) }
            server = made
        }
        self.server = server
        held = [tls as any Sendable, certificates as any Sendable, listener as any Sendable]
        client = Self.client(url, authority: authority, proxy: proxy, fault.limits)
    }

    static func client(
        _ url: String, authority: String? = nil, proxy: CurlHTTPClient.Proxy = .none,
        _ limits: HTTPTimeouts = HTTPTimeouts()
    ) -> VeniceClient {
        var configuration = CurlHTTPClient.Configuration()
        configuration.proxy = proxy
        configuration.authorityFile = authority
        var client = VeniceClient(
            VeniceAccount(id: "main", baseURL: url, key: Redacted(sampleKey)), http: CurlHTTPClient(configuration))
        for call in [\VeniceTimeouts.call, \.queue, \.retrieve, \.download] { client.timeouts[keyPath: call] = limits }
        return client
    }
}

extension SentOrNotTests.Fault {
    /// Short only where this fault is found by waiting, so that a busy machine changes no row.
    fileprivate var limits: HTTPTimeouts {
        var limits = HTTPTimeouts()
        switch self {
        case .connectsToNobody, .handshakeNeverEnds: limits.connect = .milliseconds(150)
        case .neverAnswers, .silentOnTLS: limits.firstByte = .milliseconds(150)
        case .stallsInABody: limits.idle = .milliseconds(150)
        case .dripsWithoutEnd: limits.total = .seconds(1)
        default: break
        }
        return limits
    }

    fileprivate func serve(_ connection: SocketServer.Connection, _ seen: Locked<[UInt8]>) {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        switch self {
        case .handshakeNeverEnds:
            while case let bytes = connection.receive(), !bytes.isEmpty { seen.change { $0 += bytes } }
        case .plainTextOnTLS:
            let bytes = connection.receive()
            seen.change { $0 += bytes }
            connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
        case .proxyRefuses:
            let head = connection.receiveRequest().head
            seen.change { $0 += Array(head.utf8) }
            connection.send("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        case .resetsUnread:
            connection.awaitBytes()
            connection.reset()
        case .resetsInHead:
            _ = connection.receive(atMost: 20)
            connection.reset()
        case .resetsInBody:
            connection.receiveHead()
            connection.reset()
        case .resetsAfterRequest:
            _ = connection.receiveRequest()
            connection.reset()
        case .swallows: _ = connection.receiveRequest()
        case .neverAnswers:
            _ = connection.receiveRequest()
            connection.awaitEnd()
        case .answersHalfAHead:
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: appli")
        case .answersHalfABody:
            _ = connection.receiveRequest()
            connection.send(head + #"{"model":"m","queue"#)
        case .stallsInABody:
            _ = connection.receiveRequest()
            connection.send(head + #"{"model":"m","queue"#)
            connection.awaitEnd()
        case .dripsWithoutEnd:
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
            connection.drip("1\r\n \r\n")
        case .answersNonsense:
            _ = connection.receiveRequest()
            connection.send("220 mail.example ESMTP\r\n")
        case .refuses, .nameUnknown, .connectsToNobody, .certificateUntrusted, .certificateExpired,
            .certificateOfAnother, .certificateSelfSigned, .protocolTooOld, .silentOnTLS:
            break
        }
    }
}
