import ObjectStorage
import Testing

@Suite struct ObjectKeyTests {
    @Test(arguments: ["u/v", "user-1/videos/a.mp4", "U_1/x/..hidden", "u/.../v", "1/2/3/4/5/6/7/8"])
    func `a key of safe segments reads back as it was written`(text: String) throws {
        #expect(try ObjectKey(text).description == text)
    }

    @Test(arguments: [
        "", "u", "/u/v", "u/v/", "u//v", "u/..", "../u/v", "u/./v", "u/a b", "u/é", "u/a%2f", "u/a\\b", "u/a\u{0}",
        "u/a:b",
        "1/2/3/4/5/6/7/8/9",
    ])
    func `a key that could leave its folder or needs quoting is refused`(text: String) {
        #expect(throws: InvalidObjectKey.self) { try ObjectKey(text) }
    }

    @Test func `length is bounded for a segment and for the whole key`() {
        let longest = String(repeating: "a", count: ObjectKey.maximumSegmentLength)
        #expect(throws: Never.self) { try ObjectKey("u/" + longest) }
        #expect(throws: InvalidObjectKey.segment(longest + "a")) { try ObjectKey("u/" + longest + "a") }
        #expect(throws: InvalidObjectKey.tooLong(bytes: 516)) {
            try ObjectKey(Array(repeating: longest, count: 4).joined(separator: "/") + "a")
        }
    }

    @Test func `the user is the first segment`() throws {
        let key = try ObjectKey(user: "ann", "videos", "1.mp4")
        #expect(key.user == "ann")
        #expect(key.description == "ann/videos/1.mp4")
    }

    @Test func `keys are ordered by their bytes`() throws {
        let sorted = ["a-b/c", "a/c", "a0/c", "aB/c", "ab/c"]
        #expect(try sorted.map { try ObjectKey($0) }.shuffled().sorted().map(\.description) == sorted)
    }
}

@Suite struct ContentHashTests {
    @Test func `a known text has its known hash`() {
        let hash = ContentHash(of: "abc".utf8)
        #expect(hash.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(ContentHash(hex: hash.hex.uppercased()) == hash)
        #expect(ContentHash(bytes: hash.bytes) == hash)
    }

    @Test(arguments: [
        "", "ba78", String(repeating: "g", count: 64), String(repeating: "a", count: 65),
        String(repeating: "é", count: 32),
    ])
    func `what is no hash is not read as one`(text: String) {
        #expect(ContentHash(hex: text) == nil)
        #expect(ContentHash(bytes: [1, 2, 3]) == nil)
    }
}
