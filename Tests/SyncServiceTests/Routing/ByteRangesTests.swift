import Foundation
import Testing

@testable import SyncService

@Suite struct ByteRangesTests {
    @Test(arguments: [
        ("bytes=0-0", [0..<1]), ("bytes=0-9", [0..<10]), ("bytes=0-", [0..<10]), ("bytes=9-", [9..<10]),
        ("bytes=3-100", [3..<10]), ("bytes=-1", [9..<10]), ("bytes=-10", [0..<10]), ("bytes=-99", [0..<10]),
        ("Bytes = 1-2", [1..<3]), ("bytes= 1-2 , 4-5", [1..<3, 4..<6]), ("bytes=4-5,1-2", [4..<6, 1..<3]),
        ("bytes=1-2,,", [1..<3]), ("bytes=1-2,50-60", [1..<3]), ("bytes=1-3,4-5", [1..<4, 4..<6]),
        ("bytes=5-7,1-5", [1..<8]), ("bytes=0-,-1", [0..<10]), ("bytes=0-99999999999999999999999", [0..<10]),
        ("bytes=-99999999999999999999999", [0..<10]), ("bytes=0-9223372036854775807", [0..<10]),
    ])
    func `of ten bytes, these are asked for`(header: String, expected: [Range<Int64>]) {
        #expect(ByteRanges(header, length: 10) == .partial(expected))
    }

    @Test(arguments: ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=99999999999999999999999-", "bytes=10-,20-"])
    func `what is well said and not there cannot be satisfied`(header: String) {
        #expect(ByteRanges(header, length: 10) == .unsatisfiable)
    }

    @Test(arguments: [
        "", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=1", "bytes=2-1", "bytes=1-2-3", "bytes=+1-2",
        "bytes=--1", "bytes=1-2,x", "lines=1-2", "bytes=0x1-2", "bytes=1 -2",
        "bytes=" + String(repeating: "0-0,", count: 17),
    ])
    func `what is not understood is passed over`(header: String) {
        #expect(ByteRanges(header, length: 10) == .whole)
    }

    @Test func `nothing at all is only ever whole or out of range`() {
        #expect(ByteRanges(nil, length: 0) == .whole)
        #expect(ByteRanges("bytes=-5", length: 0) == .whole)
        #expect(ByteRanges("bytes=0-", length: 0) == .unsatisfiable)
    }

    @Test func `ranges never leave the content, whatever is asked`() {
        let texts = [
            "", "0", "1", "5", "9", "10", "11", "9223372036854775806", "9223372036854775807", "9223372036854775808",
        ]
        for length in [Int64(0), 1, 10, .max] {
            for first in texts {
                for last in texts {
                    guard case .partial(let ranges) = ByteRanges("bytes=\(first)-\(last)", length: length) else {
                        continue
                    }
                    #expect(ranges.allSatisfy { !$0.isEmpty && $0.lowerBound >= 0 && $0.upperBound <= length })
                }
            }
        }
    }

    @Test(arguments: [
        ("\"a\"", true), ("\"b\"", false), ("W/\"a\"", false), ("Sat, 29 Oct 1994 19:43:31 GMT", true), ("*", false),
        ("Sat, 29 Oct 1994 19:43:32 GMT", false), ("Sat, 29 Oct 1994 19:43:30 GMT", false), ("yesterday", false),
        ("\"a\", \"b\"", false), ("a", false),
    ])
    func `a range under another state's tag is passed over`(condition: String, holds: Bool) {
        let ranges = ByteRanges(["range": "bytes=0-1", "if-range": condition], .sample, length: 10)
        #expect(ranges == (holds ? .partial([0..<2]) : .whole))
    }
}

@Suite struct EntityTagTests {
    @Test(arguments: [
        ("*", EntityTagList.any), (" \"a\" ", .tags([EntityTag("a")])), ("\"\"", .tags([EntityTag("")])),
        ("W/\"a\",\"b,c\" , \"d\"", .tags([EntityTag("a", isWeak: true), EntityTag("b,c"), EntityTag("d")])),
    ])
    func `a list of tags is read`(text: String, expected: EntityTagList) {
        #expect(EntityTagList(text) == expected)
    }

    @Test(arguments: ["", "a", "\"a", "\"a\"b", "w/\"a\"", "\"a\" \"b\"", "*, \"a\""])
    func `what is no list is not read as one`(text: String) {
        #expect(EntityTagList(text) == nil)
    }

    @Test(
        arguments: [
            (["if-none-match": "\"a\""], "GET", Precondition.notModified),
            (["if-none-match": "W/\"a\""], "HEAD", .notModified),
            (["if-none-match": "*"], "PUT", .failed), (["if-none-match": "\"b\""], "GET", .proceed),
            (["if-match": "\"a\""], "GET", .proceed), (["if-match": "W/\"a\""], "GET", .failed),
            (["if-match": "*"], "GET", .proceed),
            (["if-match": "\"b\", \"c\""], "GET", .failed),
            (["if-match": "\"b\"", "if-none-match": "\"a\""], "GET", .failed),
            (["if-none-match": "garbage"], "GET", .proceed), ([:], "GET", .proceed),
            (["if-modified-since": "Sat, 29 Oct 1994 19:43:31 GMT"], "GET", .notModified),
            (["if-modified-since": "Sun, 30 Oct 1994 00:00:00 GMT"], "HEAD", .notModified),
            (["if-modified-since": "Sat, 29 Oct 1994 19:43:30 GMT"], "GET", .proceed),
            (["if-modified-since": "Sat, 29 Oct 1994 19:43:31 GMT"], "PUT", .proceed),
            (["if-modified-since": "whenever"], "GET", .proceed),
            (["if-none-match": "\"b\"", "if-modified-since": "Sun, 30 Oct 1994 00:00:00 GMT"], "GET", .proceed),
            (["if-unmodified-since": "Sat, 29 Oct 1994 19:43:31 GMT"], "GET", .proceed),
            (["if-unmodified-since": "Sat, 29 Oct 1994 19:43:30 GMT"], "GET", .failed),
            (["if-match": "\"a\"", "if-unmodified-since": "Sat, 29 Oct 1994 19:43:30 GMT"], "GET", .proceed),
        ] as [(APIHeaders, String, Precondition)])
    func `conditions are weighed in order`(headers: APIHeaders, method: String, expected: Precondition) {
        #expect(Precondition(headers, .sample, method: APIMethod(method)) == expected)
    }
}

extension Validators {
    /// Sat, 29 Oct 1994 19:43:31 GMT, and a bit.
    fileprivate static let sample = Validators(
        tag: EntityTag("a"), modified: Date(timeIntervalSince1970: 783_459_811.75))
}
