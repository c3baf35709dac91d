import Foundation
import TestSupport
import Testing
import VideoModels

@Suite struct MoneyTests {
    @Test(arguments: [
        ("0", "0", "$0.00"), ("12", "12", "$12.00"), ("0.5", "0.5", "$0.50"), ("0.55", "0.55", "$0.55"),
        ("0.550000", "0.55", "$0.55"), ("-0.1", "-0.1", "-$0.10"), ("0.000001", "0.000001", "$0.000001"),
        ("007.10", "7.1", "$7.10"), ("-0", "0", "$0.00"),
        ("999999999999.999999", "999999999999.999999", "$999999999999.999999"),
    ])
    func `an amount reads and writes exactly`(text: String, wire: String, people: String) throws {
        let money = try #require(Money(text))
        #expect(money.text == wire)
        #expect(money.description == people)
        #expect(Money(money.text) == money)
        #expect(String(decoding: try Wire.encode([money]), as: UTF8.self) == "[\"\(wire)\"]")
    }

    @Test(arguments: [
        "", "-", ".5", "5.", "1.2.3", "--1", "+1", " 1", "1 ", "1e3", "0x10", "NaN", "inf", "1,5", "٣", "$1",
        "0.0000001", "1234567890123",
    ])
    func `anything but plain decimal notation in range is refused`(text: String) throws {
        #expect(Money(text) == nil)
        let json = try Wire.encode([text])
        #expect(throws: DecodingError.self) { try Wire.decode([Money].self, from: json) }
    }

    @Test func `a JSON number is refused, since it may have been a binary fraction`() {
        #expect(throws: DecodingError.self) { try Wire.decode([Money].self, from: Data("[0.55]".utf8)) }
    }

    @Test func `sums stay exact where binary fractions drift`() throws {
        let cent = try #require(Money("0.01"))
        let sum = (0..<1000).reduce(Money.zero) { total, _ in total + cent }
        #expect(sum == Money("10"))
        #expect(sum - cent == Money("9.99"))
    }

    @Test func `equal amounts are one key and compare by value`() throws {
        #expect(Set([try #require(Money("0.50")), try #require(Money("0.5"))]).count == 1)
        #expect(try #require(Money("9.5")) < #require(Money("10")))
        #expect(try #require(Money("-1")) < .zero)
    }
}
