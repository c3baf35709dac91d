import Foundation
import Testing
import VideoModels

@testable import ObjectStorage

/// Against the worked examples in Amazon's documentation of the signature for S3.
@Suite struct SigV4Tests {
    private let signer = SigV4(
        credentials: S3Credentials(
            accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretKey: Redacted("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")),
        region: "us-east-1")
    private let date = Date(timeIntervalSince1970: 1_369_353_600)  // 2013-05-24
    private let host = ("host", "examplebucket.s3.amazonaws.com")

    private func signature(_ path: String, query: [(String, String)] = [], headers: [(String, String)] = []) -> String {
        let request = SigV4.Signable(
            method: "GET", path: path, query: query, headers: [host] + headers, payload: SigV4.emptyHash)
        let authorization = signer.headers(for: request, at: date).last?.value ?? ""
        return String(authorization.suffix(64))
    }

    @Test func `a range of an object`() {
        #expect(
            signature("/test.txt", headers: [("range", "bytes=0-9")])
                == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    }

    @Test func `a query without a value, and one that is given out of order`() {
        #expect(
            signature("/", query: [("lifecycle", "")])
                == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
        #expect(
            signature("/", query: [("prefix", "J"), ("max-keys", "2")])
                == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    }

    @Test func `a link`() {
        let request = SigV4.Signable(method: "GET", path: "/test.txt", query: [], headers: [host], payload: "")
        let query = signer.query(for: request, at: date, seconds: 86_400)
        #expect(query.hasSuffix("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))
        #expect(query.contains("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"))
    }

    @Test func `names are sorted before values, and everything unusual is encoded`() {
        #expect(
            SigV4.canonical([("b", "1"), ("a-b", "2"), ("a", "x y"), ("a", "+/=~"), ("é", "")])
                == "%C3%A9=&a=%2B%2F%3D~&a=x%20y&a-b=2&b=1")
    }

    @Test func `a session token is sent and signed, and no secret shows in a description`() throws {
        let temporary = S3Credentials(
            accessKeyID: "ASIA", secretKey: Redacted("geheim"), sessionToken: Redacted("vertraulich"))
        let signer = SigV4(credentials: temporary, region: "us-east-1")
        let request = SigV4.Signable(method: "GET", path: "/x", query: [], headers: [host], payload: "")
        let headers = signer.headers(for: request, at: date)
        #expect(headers.contains { $0.name == "x-amz-security-token" && $0.value == "vertraulich" })
        #expect(headers.last?.value.contains("x-amz-date;x-amz-security-token,") == true)
        #expect(signer.query(for: request, at: date, seconds: 1).contains("X-Amz-Security-Token=vertraulich"))
        let shown = "\(temporary)" + String(reflecting: temporary)
        #expect(!shown.contains("geheim") && !shown.contains("vertraulich"))
    }

    @Test func `times are read as services write them`() throws {
        #expect(Date(timeIntervalSince1970: 1_795_278_746).amzDate == "20261121T163226Z")
        let date = Date(timeIntervalSince1970: 1_795_278_746)
        #expect(Date(xmlDate: "2026-11-21T16:32:26.947Z") == date)
        #expect(Date(xmlDate: "2026-11-21T16:32:26Z") == date)
        #expect(Date(xmlDate: "") == nil)
    }
}

@Suite struct S3LocationTests {
    @Test(
        arguments: [
            ("s3://videos", nil, "videos.s3.eu-west-3.amazonaws.com", "/k", ""),
            ("s3://my.videos/a/b", nil, "s3.eu-west-3.amazonaws.com", "/my.videos/k", "a/b/"),
            ("s3://videos/a/", "http://127.0.0.1:8333", "127.0.0.1:8333", "/videos/k", "a/"),
            ("s3://videos", "https://S3.example.com:443/", "s3.example.com", "/videos/k", ""),
            ("s3://videos", "https://[::1]:9000", "[::1]:9000", "/videos/k", ""),
        ] as [(String, String?, String, String, String)])
    func `a bucket has an address`(text: String, endpoint: String?, host: String, path: String, prefix: String) throws {
        let location = try S3Location(text, endpoint: endpoint, region: "eu-west-3")
        #expect(location.host == host)
        #expect(location.path("k") == path)
        #expect(location.prefix == prefix)
    }

    @Test func `how a bucket is named can be forced`() throws {
        let host = try S3Location("s3://videos", endpoint: "https://s3.example.com", addressing: .host)
        #expect(host.host == "videos.s3.example.com" && host.path("") == "/")
        let path = try S3Location("s3://videos", addressing: .path)
        #expect(path.host == "s3.us-east-1.amazonaws.com" && path.path("") == "/videos")
    }

    @Test(
        arguments: [
            ("s3:/videos", nil, nil, InvalidS3Location.storage), ("s3://a_b", nil, nil, .storage),
            ("s3://videos/ü", nil, nil, .storage), ("s3://videos/..", nil, nil, .storage),
            ("s3://videos", "ftp://example.com", nil, .endpoint),
            ("s3://videos", "https://u:p@example.com", nil, .endpoint),
            ("s3://videos", "https://example.com?x", nil, .endpoint), ("s3://videos", nil, "eu west", .region),
            ("s3://videos", nil, "", .region),
        ] as [(String, String?, String?, InvalidS3Location)])
    func `what is no address is refused`(
        text: String, endpoint: String?, region: String?, error: InvalidS3Location
    ) {
        #expect(throws: error) { try S3Location(text, endpoint: endpoint, region: region) }
    }
}
