import Foundation
import TestSupport
import Testing

@testable import HTTPTransport

/// Trust, proxies and addresses: everything between this client and a server.
struct RouteTests {
    private func client(_ change: (inout CurlHTTPClient.Configuration) -> Void = { _ in }) -> CurlHTTPClient {
        var configuration = CurlHTTPClient.Configuration()
        configuration.proxy = .none
        change(&configuration)
        return CurlHTTPClient(configuration)
    }

    private func text(_ client: CurlHTTPClient, _ url: String) async throws -> String {
        var request = HTTPRequest("GET", url)
        request.freshConnection = true  // the openssl program serves one connection after another
        return try await String(decoding: client.send(request).body.collect(upTo: 1000), as: UTF8.self)
    }

    private func failure(_ client: CurlHTTPClient, _ url: String) async -> HTTPClientError? {
        do throws(HTTPClientError) {
            var request = HTTPRequest("POST", url, body: .bytes([1]))
            request.timeouts.firstByte = .milliseconds(300)
            _ = try await client.send(request).body.collect(upTo: 1000)
            return nil
        } catch { return error }
    }

    @Test func `an authority of one's own is trusted when it is named, and only then`() async throws {
        let certificates = try TestCertificates()
        let server = try TLSServer(certificates, answers: ["hello": "[1]"])
        let trusting = client { $0.authorityFile = certificates.authority }
        #expect(try await text(trusting, "https://localhost:\(server.port)/hello") == "[1]")
        #expect(try await text(trusting, "https://127.0.0.1:\(server.port)/hello") == "[1]")
        let error = await failure(client(), "https://localhost:\(server.port)/hello")
        #expect(error?.reason == .tls)
        #expect(error?.sent == .nothing)
    }

    @Test(arguments: [TestCertificates.Kind.expired, .otherHost, .selfSigned])
    func `a certificate that proves nothing gets no request`(kind: TestCertificates.Kind) async throws {
        let certificates = try TestCertificates()
        let server = try TLSServer(certificates, kind)
        let error = await failure(
            client { $0.authorityFile = certificates.authority }, "https://localhost:\(server.port)/")
        #expect(error?.reason == .tls)
        #expect(error?.sent == .nothing)
    }

    @Test func `a server that speaks no protocol of today gets no request`() async throws {
        let certificates = try TestCertificates()
        let server = try TLSServer(certificates, options: "-tls1_1 -cipher DEFAULT@SECLEVEL=0")
        let error = await failure(
            client { $0.authorityFile = certificates.authority }, "https://localhost:\(server.port)/")
        #expect(error?.reason == .tls)
        #expect(error?.sent == .nothing)
    }

    @Test func `a file of authorities that is not there is no trust`() async throws {
        let server = try TLSServer(TestCertificates())
        let error = await failure(client { $0.authorityFile = "/nowhere/ca.pem" }, "https://localhost:\(server.port)/")
        #expect(error?.reason == .tls)
        #expect(error?.sent == .nothing)
    }

    @Test func `a POST on TLS that gets no answer may have arrived`() async throws {
        let certificates = try TestCertificates()
        let server = try TLSServer(certificates)
        let error = await failure(
            client { $0.authorityFile = certificates.authority }, "https://localhost:\(server.port)/")
        #expect(error?.sent == .maybe)
    }

    @Test func `TLS goes through a proxy's tunnel`() async throws {
        let certificates = try TestCertificates()
        let server = try TLSServer(certificates, answers: ["hello": "[2]"])
        let asked = Locked("")
        // The number alone: a proxy that held the server would keep it running after the test.
        let proxy = try SocketServer { [port = server.port] connection, _ in
            let head = connection.receiveRequest().head
            asked.set(String(head.prefix { $0 != "\r" && $0 != "\r\n" }))
            guard let upstream = SocketServer.Connection.open(toPort: port) else { return }
            connection.send("HTTP/1.1 200 Connection established\r\n\r\n")
            Thread { upstream.relay(from: connection) }.start()
            connection.relay(from: upstream)
            upstream.close()
        }
        let client = client {
            $0.authorityFile = certificates.authority
            $0.proxy = .url("http://\(proxy.authority)")
        }
        #expect(try await text(client, "https://localhost:\(server.port)/hello") == "[2]")
        #expect(asked.value == "CONNECT localhost:\(server.port) HTTP/1.1")
        withExtendedLifetime(server) {}
    }

    @Test func `a tunnel that is refused has let nothing through`() async throws {
        let proxy = try SocketServer { connection, _ in
            _ = connection.receiveRequest()
            connection.send("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        }
        let error = await failure(client { $0.proxy = .url("http://\(proxy.authority)") }, "https://localhost/")
        #expect(error?.sent == .nothing)
        #expect(proxy.connections == 1)
    }

    @Test func `a plain request goes to a proxy with its whole address`() async throws {
        let asked = Locked("")
        let proxy = try SocketServer { connection, _ in
            asked.set(String(connection.receiveRequest().head.prefix { $0 != "\r" && $0 != "\r\n" }))
            connection.answer("via")
        }
        let client = client { $0.proxy = .url("http://\(proxy.authority)") }
        #expect(try await text(client, "http://venice.invalid/path") == "via")
        #expect(asked.value == "GET http://venice.invalid/path HTTP/1.1")
    }

    @Test func `a proxy that is not there has sent nothing`() async throws {
        let proxy = try SocketServer { _, _ in }
        proxy.stop()
        let error = await failure(client { $0.proxy = .url("http://\(proxy.authority)") }, "http://venice.invalid/")
        #expect(error?.reason == .unreachable)
        #expect(error?.sent == .nothing)
    }

    @Test func `IPv6 is spoken`() async throws {
        let server = try SocketServer(.ipv6) { connection, _ in
            _ = connection.receiveRequest()
            connection.answer("six")
        }
        #expect(try await text(client(), server.url) == "six")
    }

    @Test func `a connection that nobody answers times out and has sent nothing`() async throws {
        let silent = try SilentListener()
        var request = HTTPRequest("POST", "http://127.0.0.1:\(silent.port)/", body: .bytes([1]))
        request.timeouts.connect = .milliseconds(150)
        let error = await #expect(throws: HTTPClientError.self) { _ = try await client().send(request) }
        #expect(error?.reason == .timedOut(.connect))
        #expect(error?.sent == .nothing)
    }
}
