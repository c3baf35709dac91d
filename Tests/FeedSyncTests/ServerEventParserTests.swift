import FeedSync
import TestSupport
import Testing

@Suite struct ServerEventParserTests {
    private static func message(_ data: String, event: String = "message", id: String = "") -> ServerEvent {
        .message(event: event, data: data, id: id)
    }

    static let table: [(String, [ServerEvent])] = [
        ("", []), ("\n\n\n", []), ("data: a\n\n", [message("a")]), ("data: a\n", []), ("data: a", []),
        ("data:a\n\n", [message("a")]), ("data:  a\n\n", [message(" a")]), ("data\n\n", [message("")]),
        ("data\ndata\n\n", [message("\n")]), ("data: a\ndata: b\n\n", [message("a\nb")]),
        ("event: page\ndata: a\nid: 7\n\n", [message("a", event: "page", id: "7")]),
        ("id: 7\n\ndata: a\n\n", [message("a", id: "7")]),
        ("id: 7\ndata: a\n\nid\ndata: b\n\n", [message("a", id: "7"), message("b")]),
        ("id: 7\n\nid: a\0b\ndata: x\n\n", [message("x", id: "7")]),
        ("event: page\n\ndata: a\n\n", [message("a")]), ("data: a\r\n\r\n", [message("a")]),
        ("data: a\r\r", [message("a")]), ("data: a\r\n\ndata: b\n\r\n", [message("a"), message("b")]),
        (": heartbeat\n", [.comment("heartbeat")]), (":\n", [.comment("")]), ("::a\n", [.comment(":a")]),
        ("retry: 250\n", [.retry(250)]), ("retry: -1\nretry: 1x\nretry:\nretry: 99999999999999999999\n", []),
        ("\u{FEFF}data: a\n\n", [message("a")]), ("\u{FEFF}\u{FEFF}data: a\n\n", []),
        ("data: a\n\n\u{FEFF}data: b\n\n", [message("a")]), ("later: x\ndata: a\nDATA: b\n\n", [message("a")]),
        ("data: ümläut 🎬\n\n", [message("ümläut 🎬")]), (" data: a\n\n", []),
    ]

    @Test(arguments: table.indices) func `a line means what the standard says, wherever the stream is cut`(
        _ row: Int
    ) throws {
        let (bytes, expected) = (Array(Self.table[row].0.utf8), Self.table[row].1)
        for cut in 0...bytes.count {
            var parser = ServerEventParser()
            var events = try parser.append(Array(bytes[..<cut]))
            events += try parser.append([])
            events += try parser.append(Array(bytes[cut...]))
            #expect(events == expected, "cut at \(cut)")
        }
        var parser = ServerEventParser()
        var events: [ServerEvent] = []
        for byte in bytes { events += try parser.append([byte]) }
        #expect(events == expected)
    }

    @Test(arguments: 0..<UInt64(200))
    func `what was written is read, whatever the pieces and the line ends`(seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        var (bytes, expected): ([UInt8], [ServerEvent]) = (seed.isMultiple(of: 2) ? [0xef, 0xbb, 0xbf] : [], [])
        var id = ""
        for _ in 0..<20 {
            let end = ["\n", "\r\n", "\r"].randomElement(using: &generator) ?? ""
            func line(_ text: String) { bytes += Array((text + end).utf8) }
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                line(": beat")
                expected.append(.comment("beat"))
            case 1:
                id = "\(Int.random(in: 0..<99, using: &generator))"
                line("id: \(id)")
            default:
                let lines = (0..<Int.random(in: 1...3, using: &generator)).map { "zeile \($0) é🎞" }
                line("event: page")
                for text in lines { line("data: \(text)") }
                line("")
                expected.append(Self.message(lines.joined(separator: "\n"), event: "page", id: id))
            }
        }
        var (parser, events, rest) = (ServerEventParser(), [ServerEvent](), bytes[...])
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...9, using: &generator))
            rest = rest.dropFirst(piece.count)
            events += try parser.append(Array(piece))
        }
        #expect(events == expected)
    }

    @Test(arguments: 0..<UInt64(200)) func `no bytes make it crash`(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var parser = ServerEventParser(limit: 64)
        let alphabet = Array("data:id\n\r \0\u{FEFF}x".utf8) + [0xff, 0xc3]
        for _ in 0..<40 {
            let piece = (0..<Int.random(in: 0...20, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            guard (try? parser.append(piece)) != nil else { return }
        }
    }

    @Test func `a line or an event without end is an error, and not memory`() throws {
        var line = ServerEventParser(limit: 10)
        _ = try line.append(Array("data: 6789".utf8))
        let tooLong = Result { try line.append([UInt8(ascii: "x")]) }
        #expect(throws: ServerEventParser.TooLong.self) { try tooLong.get() }
        var event = ServerEventParser(limit: 10)
        _ = try event.append(Array("data:aaaa\ndata:bbbb\n".utf8))
        let tooMuch = Result { try event.append(Array("data:c\n".utf8)) }
        #expect(throws: ServerEventParser.TooLong.self) { try tooMuch.get() }
    }
}
