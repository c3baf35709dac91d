import Foundation
import JobLifecycle
import TestSupport
import Testing
import VideoModels

@testable import JobStore

/// The feed writes its objects from their rows: byte for byte what `Wire` writes of the values.
@Suite struct FeedWireTests {
    /// Every change of the user's feed as `Wire` writes it, by the way of the values.
    private func slowly(_ database: TestDatabase, _ page: ChangePage) async throws -> [Data] {
        var all: [Data] = []
        for change in page.changes {
            guard case .job(let job) = change.object else {
                all.append(try Wire.encode(change))
                continue
            }
            let record = try await database.store.report(of: job.id).record
            all.append(try Wire.encode(Change(sequence: record.changeSequence, object: .job(try record.job))))
        }
        return all
    }

    private func expectSame(_ database: TestDatabase, _ user: UserID) async throws {
        for cursor in [nil, try await start(database, user)] {
            let page = try await database.store.feedPage(after: cursor, user: user, limit: 100)
            let value = try page.page
            #expect(try Wire.encode(value) == page.json)
            let texts = try await slowly(database, value)
            let expected = texts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ",")
            #expect(String(decoding: page.json, as: UTF8.self).hasPrefix("{\"changes\":[\(expected)],\"cursor\""))
            #expect(value.cursor == page.next.text && value.through == page.through && value.hasMore == page.hasMore)
            #expect(value.changes.count == page.count && value.isSnapshot == page.isSnapshot)
        }
    }

    private func start(_ database: TestDatabase, _ user: UserID) async throws -> FeedCursor {
        let epoch = try await database.store.feedPage(after: nil, user: user, limit: 1).next.epoch
        return FeedCursor(epoch: epoch, user: user, place: .changes(sequence: 0))
    }

    @Test func `a job is written as its value, at each step of its way`() async throws {
        try await TestDatabase.with { database in
            var record = try await database.claimedJob()
            let user = record.user
            try await expectSame(database, user)
            for event in [
                JobEvent.priced(.sample), .submissionIntended(by: record.token), .submissionAccepted(.sample),
            ] {
                record = try await database.store.advance(record, by: event)
                try await expectSame(database, user)
            }
            try await database.makeAllDue()
            record = try await database.claimOne()
            for event in [JobEvent.videoAnnounced(link: nil), .videoStored(.sample)] {
                record = try await database.store.advance(record, by: event)
                try await expectSame(database, user)
            }
        }
    }

    @Test func `what failed, what waits for a person, and what is gone are written as their values`() async throws {
        try await TestDatabase.with { database in
            var lost = try await database.store.advance(try await database.claimedJob(), by: .priced(.sample))
            lost = try await database.store.advance(lost, by: .submissionIntended(by: lost.token))
            lost = try await database.store.advance(lost, by: .submissionLost(evidence: "a \"quoted\" line\n\u{1}"))
            try await expectSame(database, lost.user)
        }
        try await TestDatabase.with { database in
            var failed = try await database.store.advance(try await database.claimedJob(), by: .priced(.sample))
            failed = try await database.store.advance(failed, by: .submissionIntended(by: failed.token))
            failed = try await database.store.advance(failed, by: .submissionAccepted(.sample))
            failed = try await database.store.advance(failed, by: .renderingFailed(.sample))
            try await expectSame(database, failed.user)
            try await database.sql(
                "update jobs set deleted_at = now(), change_sequence = 90; update users set change_sequence = 90")
            try await expectSame(database, failed.user)
        }
    }

    @Test func `a video is written as its value, with all that it can have and with nothing`() async throws {
        try await TestDatabase.with { database in
            let ready = try await database.readyJob()
            let user = ready.user
            try await database.sql(
                """
                update videos set duration_seconds = 5, frame_rate = 23.976, video_codec = 'h264', audio_codec = 'a"\\b',
                    width = 1, height = 2, has_sound = false;
                insert into video_pictures (user_id, video_id, kind, storage_key, content_type, bytes, sha256, width, height)
                select user_id, id, kind, kind, 'image/jpeg', 7, repeat('ab', 32), 3, 4
                from videos, unnest(array['preview', 'poster']) as kind
                """)
            try await expectSame(database, user)
            let full = try await database.store.changes(after: nil, user: user, limit: 100)
            let videos = full.changes.compactMap { if case .video(let video) = $0.object { video } else { nil } }
            #expect(videos.first?.poster?.height == 4 && videos.first?.preview?.sha256.count == 64)
            #expect(videos.first?.audioCodec == "a\"\\b" && videos.first?.durationSeconds == 5)
            try await database.sql("delete from video_pictures where kind = 'poster'")
            try await expectSame(database, user)
            try await database.sql(
                """
                delete from video_pictures; update videos set duration_seconds = null, frame_rate = null, width = null,
                    video_codec = null, audio_codec = null, height = null, has_sound = null
                """)
            try await expectSame(database, user)
        }
    }

    @Test func `a request goes to the phone as it was, whatever is in it`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            let source = MediaSource.url("https://a.example/ü?q=\"1\"\\\n\t\u{7}\u{7f}👩‍👩‍👧")
            var request = VideoRequest.sample
            request.negativePrompt = ""
            request.audio = false
            request.upscaleFactor = 2
            request.image = source
            request.referenceImages = []
            request.sceneImages = [source, source]
            request.referenceVideoSeconds = 12.5
            request.elements = [VideoRequest.Element(frontalImage: source, referenceImages: [source])]
            request.cameraPath = [0.1, 5, -3.25, 1e-300, 1.7e200, 1_234_567.875].map {
                VideoRequest.CameraPoint(time: $0, azimuth: -$0, elevation: 2, distance: 1.5)
            }
            _ = try await database.store.submit(
                JobSubmission(request: request), id: .sample(1), user: user, account: "main")
            try await expectSame(database, user)
            let page = try await database.store.changes(after: nil, user: user, limit: 100)
            let jobs = page.changes.compactMap { if case .job(let job) = $0.object { job } else { nil } }
            #expect(jobs.first?.request == request)
        }
    }

    /// Any JSON, with keys in an order of its own.
    private indirect enum Tree: Encodable {
        case text(String)
        case number(Double)
        case truth(Bool)
        case list([Tree])
        case object([String: Tree])

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let value): try container.encode(value)
            case .number(let value): try container.encode(value)
            case .truth(let value): try container.encode(value)
            case .list(let value): try container.encode(value)
            case .object(let value): try container.encode(value)
            }
        }

        init(depth: Int, _ random: inout SeededGenerator) {
            let words = ["a", "b_c", "b", "zz", "ключ", "", "x\"y", "\\", "\u{1f}", "/", "é", "b_d\n"]
            switch Int.random(in: depth > 4 ? 0...2 : 0...4, using: &random) {
            case 0: self = .text(words.randomElement(using: &random) ?? "")
            case 1: self = .number([0, 5, -0.5, 12.25, 1e20, 1e-9, 3].randomElement(using: &random) ?? 0)
            case 2: self = .truth(Bool.random(using: &random))
            case 3:
                self = .list((0..<Int.random(in: 0...3, using: &random)).map { _ in Tree(depth: depth + 1, &random) })
            default:
                let names = ["a", "b_c", "b", "zz", "image", "image_references", "audio", "audio_track"]
                self = .object(
                    names.reduce(into: [:]) { object, name in
                        if Bool.random(using: &random) { object[name] = Tree(depth: depth + 1, &random) }
                    })
            }
        }

        /// Whether a number is in it whose spelling the database does not keep.
        var isExotic: Bool {
            switch self {
            case .number(let value): value == 1e20 || value == 1e-9
            case .list(let values): values.contains(where: \.isExotic)
            case .object(let values): values.values.contains(where: \.isExotic)
            case .text, .truth: false
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `JSON that went through the database is written as it was, or left to a decoder`(seed: UInt64) async throws {
        try await TestDatabase.with { database in
            var random = SeededGenerator(seed)
            let trees = (0..<200).map { _ in Tree(depth: 0, &random) }
            let texts = try trees.map { String(decoding: try Wire.encode($0), as: UTF8.self) }
            let stored = try await database.store.pool.run { connection in
                let statement = Statement("stored", "select text::jsonb as value from unnest($1::text[]) as text")
                return try connection.execute(statement, [.texts(texts) { $0 }]).map { try $0.data("value") }
            }
            #expect(stored.count == trees.count)
            for (place, tree) in trees.enumerated() {
                let rewritten = CompactJSON.rewrite(stored[place]).map { String(decoding: $0, as: UTF8.self) }
                #expect(rewritten == (tree.isExotic ? nil : texts[place]))
            }
        }
    }

    @Test func `text that is no JSON, or nested too deep, is rewritten by nobody`() {
        let cases = [
            "", "{", "[1", "{\"a\"", "{\"a\":", "{\"a\":1", "\"a", "\"\\", "tru", "null", "[null]", "{\"a\":1,}",
            "{1:2}",
            String(repeating: "[", count: 40) + String(repeating: "]", count: 40), "1e5", "1.50", "0.00001",
        ]
        for text in cases { #expect(CompactJSON.rewrite(text.utf8) == nil, "\(text)") }
        #expect(CompactJSON.rewrite("[ ]".utf8) == Array("[]".utf8))
        #expect(CompactJSON.rewrite(" { \"b\" : [1, 2], \"a\" : {} } ".utf8) == Array(#"{"a":{},"b":[1,2]}"#.utf8))
    }

    @Test func `each sign of a text is written as everywhere`() throws {
        for scalar in Array(0..<0x200).compactMap(Unicode.Scalar.init) + ["\u{2028}", "\u{FFFF}", "😀"] {
            var text = JSONText()
            text.raw("{")
            text.field("key", "x\(scalar)y")
            text.raw("}")
            let expected = try Wire.encode(["key": "x\(scalar)y"])
            #expect(Data(text.bytes) == expected, "\(scalar.value)")
        }
    }

    @Test(arguments: [0, 5, -0.1, 1e-300, 1.7e308, 12.5, 1e16, 123_456_789.125, 23.976] as [Double])
    func `each number is written as everywhere`(number: Double) throws {
        var text = JSONText()
        text.raw("{")
        text.field("key", number)
        text.raw("}")
        let expected = try Wire.encode(["key": number])
        #expect(Data(text.bytes) == expected)
    }
}
