import Foundation
import Testing

@testable import HTTPTransport

struct DateTests {
    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777.0), ("Sat, 21 Nov 2026 16:32:26 GMT", 1_795_278_746),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Tue, 29 Feb 2028 23:59:59 GMT", 1_835_481_599),
    ])
    func `a date is read and written as headers have it`(text: String, seconds: Double) {
        #expect(HTTPDate.date(from: text) == Date(timeIntervalSince1970: seconds))
        #expect(HTTPDate.text(of: Date(timeIntervalSince1970: seconds + 0.9)) == text)
    }

    @Test(arguments: [
        "", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 -1:+2:03 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT",
    ])
    func `what is no date is not read as one`(text: String) {
        #expect(HTTPDate.date(from: text) == nil)
    }
}
