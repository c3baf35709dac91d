import TestSupport
import Testing

@testable import HTTPTransport

struct ValueTests {
    @Test func `nothing secret is ever printed`() {
        var request = HTTPRequest(
            "POST", "https://host.example/v1/share/abc?token=TOPSECRET#TOPSECRET",
            headers: ["authorization": "Bearer TOPSECRET", "Accept": "video/mp4"], body: .bytes(Array("TOPSECRET".utf8))
        )
        request.headers.add("X-Custom", "TOPSECRET", secret: true)
        var dumped = ""
        dump(request, to: &dumped)
        dump(request.headers, to: &dumped)
        for text in ["\(request)", String(reflecting: request), "\(request.headers)", dumped] {
            #expect(!text.contains("TOPSECRET"))
        }
        #expect("\(request)".contains("https://host.example/v1/share/abc"))
        #expect("\(request)".contains("video/mp4"))
        request.isURLSecret = true
        #expect(!"\(request)".contains("abc"))
        request.url = "https://user:TOPSECRET@host.example/"
        #expect(!"\(request)".contains("TOPSECRET"))
    }

    @Test func `header names compare without case and assignment replaces all`() {
        var headers: HTTPHeaders = ["A": "1", "a": "2", "B": "3"]
        #expect(headers["a"] == "1")
        #expect(headers.all("A") == ["1", "2"])
        headers["a"] = "4"
        #expect(headers.fields.map(\.value) == ["3", "4"])
        headers["B"] = nil
        #expect(headers.fields.map(\.name) == ["a"])
    }

    @Test(arguments: [
        ("https://Venice.AI/a?b", "https://venice.ai"), ("http://127.0.0.1:80/", "http://127.0.0.1:80"),
        ("http://[::1]:8080/x", "http://[::1]:8080"), ("https://a.example\\@b.example/", nil),
        ("https://evil.example#@venice.ai/", "https://evil.example"),
    ])
    func `an address is read as the connecting code reads it`(text: String, origin: String?) {
        #expect((try? HTTPURL(text))?.origin == origin)
    }

    @Test(
        arguments: [
            (["Content-Length": "5"], true), (["content-length": "5", "Content-Encoding": "gzip"], true),
            (["Transfer-Encoding": "gzip, Chunked"], true), ([:], false), (["Transfer-Encoding": "identity"], false),
        ] as [(HTTPHeaders, Bool)])
    func `whether a cut body would be noticed`(headers: HTTPHeaders, isNoticed: Bool) {
        #expect(HTTPResponse(status: 200, headers: headers).isEndMarked == isNoticed)
    }

    @Test func `a body that is made is closed when its last reader lets go`() async throws {
        let (left, closed) = (Locked<[[UInt8]]>([[1], [2]]), Locked(0))
        do {
            let body = HTTPResponseBody { () async throws(HTTPClientError) in
                defer { left.change { $0 = Array($0.dropFirst()) } }
                return left.value.first
            } close: {
                closed.change { $0 += 1 }
            }
            #expect(try await body.collect(upTo: 2) == [1, 2])
        }
        #expect(closed.value > 0)
    }

    @Test func `a body in memory is read once and ends as told`() async throws {
        let failure = HTTPClientError(.truncated, sent: .maybe)
        let body = HTTPResponseBody([[1], [], [2, 3]], failure: failure)
        var chunks: [[UInt8]] = []
        let error = await #expect(throws: HTTPClientError.self) { for try await chunk in body { chunks.append(chunk) } }
        #expect(chunks == [[1], [2, 3]])
        #expect(error == failure)
    }

    @Test func `milliseconds are rounded up and bounded`() {
        #expect(Duration.milliseconds(5).wholeMilliseconds == 5)
        #expect(Duration.microseconds(1).wholeMilliseconds == 1)
        #expect(Duration.zero.wholeMilliseconds == 0)
        #expect(Duration.seconds(-5).wholeMilliseconds == 0)
        #expect(Duration.seconds(1 << 40).wholeMilliseconds <= Int(Int32.max))
    }
}
