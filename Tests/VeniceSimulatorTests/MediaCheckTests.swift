import Foundation
import Testing

@testable import VeniceSimulator

struct MediaCheckTests {
    @Test(arguments: [
        "localhost", "a.localhost", "printer.local", "metadata.google.internal", "router", "127.0.0.1", "127.1",
        "2130706433", "0x7f.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "[::1]", "::", "fe80::1%eth0", "fd00::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "ff02::1", "localhost.",
    ])
    func `hosts that are not of the public web are refused`(_ host: String) {
        #expect(!PublicHost.isPublic(host))
    }

    @Test(arguments: [
        "example.com", "cdn.example.co.uk", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111",
        "::ffff:8.8.8.8",
    ])
    func `public hosts are let through`(_ host: String) { #expect(PublicHost.isPublic(host)) }

    @Test(arguments: [
        ("http://127.0.0.1/a.png", false), ("https://[::1]/a.png", false), ("ftp://example.com/a.png", false),
        ("file:///etc/passwd", false), ("a.png", false), ("", false), ("https:///a.png", false),
        ("https://example.com/a.png", true), ("http://example.com:8080/a.png?x=1", true),
    ])
    func `an address must be http or https to a public host`(_ url: String, isFine: Bool) {
        #expect((MediaCheck.look(at: url, as: .startImage, ratio: nil) == .fine(ratio: nil)) == isFine)
    }

    @Test(arguments: [
        (Sample.png(640, 480), 640, 480), (Sample.jpeg(1024, 512), 1024, 512), (Sample.webp(300, 500), 300, 500),
    ])
    func `the size of a picture is read from its bytes`(_ bytes: Data, width: Int, height: Int) throws {
        let size = try #require(MediaSniffer.pictureSize(bytes))
        #expect(size == (width, height))
    }

    @Test func `no beginning of a picture crashes the reader`() {
        for picture in [Sample.png(640, 480), Sample.jpeg(640, 480), Sample.webp(640, 480)] {
            for count in 0..<picture.count { _ = MediaSniffer.pictureSize(picture.prefix(count)) }
        }
    }

    @Test func `a start frame under 240 pixels is refused and a reference of that size is not`() {
        let url = Sample.dataURL("image/png", Sample.png(640, 239))
        guard case .unusable(let why) = MediaCheck.look(at: url, as: .startImage, ratio: nil) else {
            Issue.record("a picture that is too small was accepted")
            return
        }
        #expect(why.contains("too small"))
        #expect(MediaCheck.look(at: url, as: .referenceImage, ratio: nil) == .fine(ratio: 640.0 / 239))
    }

    @Test func `a reference out of proportion is out of bounds`() {
        let url = Sample.dataURL("image/png", Sample.png(3_000, 300))
        guard case .outOfBounds = MediaCheck.look(at: url, as: .referenceImage, ratio: 0.4...2.5) else {
            Issue.record("a ratio of 10 was accepted")
            return
        }
    }

    @Test(arguments: [
        ("data:image/png;base64,", MediaCheck.Kind.startImage), ("data:image/png,abc", .startImage),
        ("data:image/png;base64,@@@@", .startImage), ("data:image/png;base64,AAAA", .startImage),
        (Sample.dataURL("text/plain", Sample.png(640, 480)), .startImage),
        (Sample.dataURL("image/png", Sample.mp4), .startImage),
        (Sample.dataURL("video/mp4", Sample.png(640, 480)), .video),
        (Sample.dataURL("audio/mpeg", Sample.mp4), .audio),
    ])
    func `data that is not what it claims is refused`(_ url: String, _ kind: MediaCheck.Kind) {
        guard case .unusable = MediaCheck.look(at: url, as: kind, ratio: nil) else {
            Issue.record("accepted: \(url.prefix(40))")
            return
        }
    }
}
