import Foundation
import TestSupport
import Testing

@testable import SyncService

@Suite struct ContentDispositionTests {
    private func value(_ title: String?, type: String = "video/mp4") -> String {
        ContentDisposition(title: title, fallback: "wan-2.5 2026-11-21 09.30", type: type).value
    }

    @Test(
        arguments: [
            ("a gondola at dawn", #"inline; filename="a gondola at dawn.mp4""#),
            (nil, #"inline; filename="wan-2.5 2026-11-21 09.30.mp4""#),
            ("...///***", #"inline; filename="wan-2.5 2026-11-21 09.30.mp4""#),
            ("../../etc/passwd", #"inline; filename="etc passwd.mp4""#),
            ("a\r\nSet-Cookie: x=\"1\"; b", #"inline; filename="a Set-Cookie x= 1 ; b.mp4""#),
            (
                "Gondel über Öl",
                #"inline; filename="Gondel _ber _l.mp4"; filename*=UTF-8''Gondel%20%C3%BCber%20%C3%96l.mp4"#
            ),
            ("a\u{202E}gpj.exe", #"inline; filename="a gpj.exe.mp4""#),
            ("100%25 real", #"inline; filename="100 25 real.mp4""#),
        ] as [(String?, String)])
    func `a name is readable, and nothing else`(title: String?, expected: String) {
        #expect(value(title) == expected)
    }

    @Test func `a name is cut at a word, and never too long for a file system`() {
        let long = ContentDisposition(
            title: String(repeating: "gondola ", count: 30), fallback: "f", type: "video/webm", isAttachment: true)
        #expect(long.name == Array(repeating: "gondola", count: 7).joined(separator: " ") + ".webm")
        #expect(long.value.hasPrefix("attachment; "))
        let family = String(repeating: "👨‍👩‍👧‍👦", count: 60)
        #expect(ContentDisposition(title: family, fallback: "f", type: "video/mp4").name.utf8.count <= 210)
    }

    @Test func `no title makes a header that ends early`() {
        var random = SeededGenerator(4)
        for _ in 0..<2000 {
            let scalars = (0..<20).compactMap { _ in Unicode.Scalar(UInt32.random(in: 0..<0x3000, using: &random)) }
            let text = value(String(String.UnicodeScalarView(scalars)))
            #expect(text.utf8.allSatisfy { (0x20...0x7E).contains($0) })
            #expect(text.count { $0 == "\"" } == 2 && !text.contains("\\"))
        }
    }
}
