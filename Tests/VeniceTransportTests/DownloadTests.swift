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

    private static let token = "Tk9-aVeryLongToken%2Bx"

    /// What a host, or something before it, may say of the path that was asked for.
    static let quotes = [
        #"{"message":"Route GET:/v1/share/read/\#(token) not found","error":"Not Found","statusCode":404}"#,
        #"{"error":{"message":"no file \#(token)","code":"\#(token)","request_id":"\#(token)"}}"#,
        #"{"error":"no","details":"\/v1\/share\/read\/\#(token)"}"#,
        "Cannot GET /v1/share/read/\(token)", "<html><title>404: /V1/SHARE/READ/\(token.uppercased())</title></html>",
        "Tk9-aVeryLongToken+x is not here", "signature c2lnbmF0dXJl does not match",
        "?sig=c2lnbmF0dXJl&to=7 has expired",
        String(repeating: " ", count: 480) + String(repeating: "x", count: 490) + token,
    ]

    @Test(arguments: quotes, [400, 403, 404, 429, 500])
    func `a link's secret is struck from whatever is said about it`(body: String, status: Int) async {
        let link = Redacted("https://private-share.venice.ai/v1/share/read/\(Self.token)?sig=c2lnbmF0dXJl&to=7")
        let headers: HTTPHeaders = [
            "X-Request-ID": "id-\(Self.token)", "Deprecation": "true",
            "Link": "</v1/share/read/\(Self.token)>; rel=\"successor-version\"",
        ]
        let heard = Locked<[String]>([])
        var client = VeniceClient(
            .json(body, status: status, headers: headers), .json(body, status: status, headers: headers))
        client.observer = { _, _, headers in heard.change { $0.append("\(headers)") } }
        let download = await failure { () throws(VeniceError) in try await client.download(link) }
        #expect(download?.evidence.status == status)
        let delete = await failure { () throws(VeniceError) in try await client.deleteDownload(link) }
        #expect((delete == nil) == [400, 403, 404].contains(status))
        #expect(heard.value.count == 2)
        for words in heard.value
            + [download, delete].compactMap({ $0 }).flatMap({ ["\($0)", "\($0.evidence.headers!)"] })
        {
            for secret in ["Tk9-aVery", "c2lnbmF0"] {
                #expect(!words.lowercased().contains(secret.lowercased()), "\(words)")
            }
        }
    }

    @Test func `what is no secret of a link stays readable`() async {
        let link = Redacted("https://private-share.venice.ai/v1/share/read/\(Self.token)?sig=c2lnbmF0dXJl")
        let body = #"{"message":"Route GET:/v1/share/read/\#(Self.token) not found, share it again"}"#
        let client = VeniceClient(.json(body, status: 404, headers: ["CF-RAY": "ray-1"]))
        let error = await failure { () throws(VeniceError) in try await client.download(link) }
        #expect(error?.evidence.message == "Route GET:‹redacted› not found, share it again")
        #expect(error?.evidence.ray == "ray-1")
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
