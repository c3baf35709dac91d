import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

struct DownloadTests {
    private let link = Redacted("https://private-share.venice.ai/v1/share/read/SECRET?sig=SECRET")

    @Test func `nothing of the account goes with a link, and the link is never printed`() async throws {
        let http = ScriptedHTTPClient(
            .answer(status: 200, headers: ["Content-Type": "video/mp4"], chunks: [mp4], failure: nil),
            .json("", status: 204))
        let client = VeniceClient(http)
        let stream = try await client.download(link)
        #expect(stream.contentType == "video/mp4")
        try await client.deleteDownload(link)
        #expect(http.requests.map(\.method) == ["GET", "DELETE"])
        for request in http.requests {
            #expect(request.url == link.reveal())
            #expect(request.headers["Authorization"] == nil)
            #expect(!"\(request)".contains("SECRET"))
        }
        #expect(http.requests[0].acceptsCompression == false)
    }

    @Test func `a link to a host that is not allowed is not fetched`() async {
        let http = ScriptedHTTPClient()
        let evil = Redacted("https://evil.example/SECRET")
        let error = await failure { () throws(VeniceError) in try await VeniceClient(http).download(evil) }
        #expect(error?.word == "operator must act")
        #expect(error?.description.contains("evil.example") == true)
        #expect(error?.description.contains("SECRET") == false)
        #expect(http.requests.isEmpty)
    }

    @Test(arguments: [
        (404, "gone"), (410, "gone"), (429, "throttled"), (500, "retry later"), (503, "retry later"),
        (403, "retry later"),
        (302, "unexpected answer"),
    ])
    func `a link's errors`(status: Int, word: String) async {
        let client = VeniceClient(.json("no", status: status, headers: ["Location": "https://evil.example"]))
        #expect(await failure { () throws(VeniceError) in try await client.download(link) }?.word == word)
    }

    @Test func `revoking what is gone succeeds`() async throws {
        try await VeniceClient(.json("", status: 404)).deleteDownload(link)
        let client = VeniceClient(.json("", status: 500))
        #expect(
            await failure { () throws(VeniceError) in try await client.deleteDownload(link) }?.word == "retry later")
    }

    @Test(arguments: [
        ("https://venice.ai/x", ["venice.ai"], true), ("https://private-share.venice.ai/x", ["venice.ai"], true),
        ("https://PRIVATE-share.Venice.AI:443/x", ["Venice.ai"], true),
        ("https://evilvenice.ai/x", ["venice.ai"], false),
        ("https://venice.ai.evil.example/x", ["venice.ai"], false),
        ("https://evil.example/venice.ai", ["venice.ai"], false),
        ("https://venice.ai@evil.example/x", ["venice.ai"], false),
        ("https://evil.example#@venice.ai", ["venice.ai"], false),
        ("http://venice.ai/x", ["venice.ai"], false), ("ftp://venice.ai/x", ["venice.ai"], false),
        ("https://venice.ai:8443/x", ["venice.ai"], false), ("https://venice.ai:8443/x", ["venice.ai:8443"], true),
        ("http://127.0.0.1:9000/x", ["venice.ai"], false), ("http://127.0.0.1:9000/x", ["127.0.0.1"], true),
        ("http://127.0.0.1:9000/x", ["127.0.0.1:9000"], true), ("http://127.0.0.1:9001/x", ["127.0.0.1:9000"], false),
        ("http://localhost:9000/x", ["127.0.0.1"], false), ("http://localhost:9000/x", ["localhost"], true),
        ("http://[::1]:9000/x", ["[::1]"], true), ("http://[::1]:9000/x", ["[::1]:9000"], true),
        ("http://[::1]:9000/x", ["[::1]:9001"], false),
        ("http://evil.localhost/x", ["localhost"], false), ("https://10.0.0.1/x", ["0.1"], false),
        ("https://10.0.0.1/x", ["10.0.0.1"], true),
        ("http://simulator:8090/x", ["http://simulator:8090"], true),
        ("http://simulator:8091/x", ["http://simulator:8090"], false),
        ("http://sub.simulator:8090/x", ["http://simulator:8090"], false),
        ("http://simulator:8090/x", ["simulator:8090"], false),
        ("https://venice.ai/x", [], false), ("https://venice.ai/x", [""], false), ("not a link", ["venice.ai"], false),
        ("file:///etc/passwd", ["venice.ai"], false),
    ])
    func `which hosts may be fetched from`(link: String, entries: [String], isAllowed: Bool) {
        #expect(DownloadHosts(entries).allows(link) == isAllowed)
    }
}
