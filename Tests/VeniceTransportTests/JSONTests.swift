import Foundation
import Testing

@testable import VeniceTransport

struct JSONTests {
    @Test(arguments: [
        ("null", JSON.null), (" true ", .bool(true)), ("-1.50e+3", .number("-1.50e+3")),
        ("\"\\u00e9\\n\"", .string("é\n")),
        ("\"\\ud83d\\ude00\"", .string("😀")), ("\"\\ud83d\"", .string("\u{fffd}")), ("[]", .array([])),
        ("[1, [2]]", .array([.number("1"), .array([.number("2")])])), ("{}", .object([:])),
        ("\u{feff}{\"a\":{\"b\":0}}", .object(["a": .object(["b": .number("0")])])),
    ])
    func `a document is read`(text: String, value: JSON) {
        #expect(JSON(text.utf8) == value)
    }

    @Test(arguments: [
        "", "tru", "01", "1.", "-", "1e", ".5", "+1", "[1,]", "[1", "{\"a\"}", "{\"a\":1,}", "{a:1}", "\"a", "\"\n\"",
        "\"\\x\"",
        "\"\\u12g4\"", "1 2", "{} x", "NaN", "'a'",
    ])
    func `what is no document is nil`(text: String) {
        #expect(JSON(text.utf8) == nil)
    }

    @Test func `nesting is bounded`() {
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        #expect(JSON(deep.utf8) == nil)
        #expect(JSON((String(repeating: "[", count: 60) + String(repeating: "]", count: 60)).utf8) != nil)
    }

    @Test func `broken UTF-8 is repaired`() {
        let bytes = Array(#"{"queue_id":"a"#.utf8) + [0xff] + Array(#"b","x":1}"#.utf8)
        #expect(JSON(bytes)?["queue_id"] == .string("a\u{fffd}b"))
    }

    @Test(arguments: ["", "plain", "\"\\/", "\u{0}\u{1f}\n\r\t", "é😀\u{2028}", "a\u{301}"])
    func `quoted text is read back by Foundation and by us`(text: String) throws {
        let quoted = JSON.quoted(text)
        #expect(JSON(quoted.utf8) == .string(text))
        let data = Data("[\(quoted)]".utf8)
        #expect(try JSONSerialization.jsonObject(with: data) as? [String] == [text])
    }

    @Test func `numbers and texts stand in for each other`() {
        #expect(JSON.string("12.5").decimal == Decimal(string: "12.5"))
        #expect(JSON.number("0.1").decimal == Decimal(string: "0.1"))
        #expect(JSON.string("12x").decimal == nil)
        #expect(JSON.string("1-2").decimal == nil)
        #expect(JSON.number("1e999").double == nil)
        #expect(JSON.number("12").text == "12")
        #expect(JSON.string("true").bool == true)
        #expect(JSON.number("0").bool == false)
        #expect(JSON.null.text == nil)
    }

    @Test func `every prefix of a document is refused or complete, and mutations never crash`() {
        let document = Array(#"{"a":[1,-2.5e3,{"b":"\u00e9\\"}],"c":true,"d":null}"#.utf8)
        for count in 0..<document.count { #expect(JSON(document.prefix(count)) == nil) }
        var generator = SeededGenerator(1)
        for _ in 0..<5000 {
            var bytes = document
            for _ in 0...Int.random(in: 0..<4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            if let ours = JSON(bytes), let text = String(validating: bytes, as: UTF8.self) {
                // What we take, Foundation takes too.
                let theirs = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
                #expect(theirs != nil, "\(text) as \(ours)")
            }
        }
    }
}
