import Foundation
import TestSupport
import Testing
import VideoModels

@testable import FeedSync

@Suite struct FileChangeStoreTests {
    private func job(_ number: UInt64) -> Change.Object {
        var job = Job.sample
        job.id = .sample(number)
        return .job(job)
    }

    private func page(_ changes: [Change], snapshot: Bool = false, cursor: String, from: Int64 = 0) -> ChangePage {
        ChangePage(
            isSnapshot: snapshot, changes: changes, cursor: cursor, hasMore: false, from: from,
            through: changes.map(\.sequence).max() ?? from)
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gondola-copy-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    @Test func `a copy in a file is there again, in the middle of a snapshot too`() throws {
        try withFolder { folder in
            let path = folder + "/feed.log"
            var feed = FeedModel()
            for number in 1...7 { feed.write(job(UInt64(number))) }
            var limit = 0
            var isCatchingUp = true
            while isCatchingUp {
                var device = ChangeReducer(try FileChangeStore(path: path))
                #expect(device.store.opening == (limit == 0 ? .new : .whole))
                limit += 1
                guard case .page(let page) = feed.answer(to: device.cursor, limit: 2) else { break }
                try device.apply(page, askedWith: device.cursor)
                isCatchingUp = device.isCatchingUp
            }
            let copy = try FileChangeStore(path: path)
            #expect(feed.equals(copy.contents) && copy.state.through == 7)
            #expect(FileManager.default.subpaths(atPath: folder) == ["feed.log"])
        }
    }

    @Test func `a poll without news writes nothing`() throws {
        let disk = CrashingDisk(seed: 1)
        var device = ChangeReducer(try FileChangeStore(named: "f", on: disk))
        try device.apply(page([], snapshot: true, cursor: "c0"), askedWith: nil)
        try device.apply(page([], cursor: "c0"), askedWith: "c0")
        let steps = disk.steps
        for _ in 1...5 { try device.apply(page([], cursor: "c0"), askedWith: "c0") }
        #expect(disk.steps == steps)
    }

    @Test func `a page costs what it holds and not what the copy holds, and the file stays within a bound`() throws {
        let disk = CrashingDisk(seed: 1)
        var device = ChangeReducer(try FileChangeStore(named: "f", on: disk, slack: 4096))
        let many = (1...300).map { Change(sequence: Int64($0), object: job(UInt64($0))) }
        try device.apply(page(many, snapshot: true, cursor: "c300"), askedWith: nil)
        try device.apply(page([], cursor: "c300", from: 300), askedWith: "c300")
        let whole = device.store.length
        var (largest, rewrites, cursor) = (0, 0, "c300")
        for sequence in Int64(301)...2500 {
            let before = device.store.length
            let change = Change(sequence: sequence, object: job(UInt64(sequence % 7 + 1)))
            try device.apply(page([change], cursor: "c\(sequence)", from: sequence - 1), askedWith: cursor)
            cursor = "c\(sequence)"
            let grown = device.store.length - before
            if grown < 0 { rewrites += 1 } else { #expect(grown < 1500) }
            largest = max(largest, device.store.length)
        }
        #expect(largest < 3 * whole + 8192 && rewrites >= 1)
        let copy = try FileChangeStore(named: "f", on: disk)
        #expect(copy.opening == .whole && copy.contents == device.store.contents)
    }

    @Test func `a damaged file is told, and what was before the damage is kept until a snapshot has checked it`()
        throws
    {
        for seed in UInt64(0)..<60 {
            var generator = SeededGenerator(seed)
            let disk = CrashingDisk(seed: seed)
            var feed = FeedModel()
            var device = ChangeReducer(try FileChangeStore(named: "f", on: disk))
            for _ in 0..<12 {
                feed.step(using: &generator)
                guard case .page(let page) = feed.answer(to: device.cursor, limit: 3) else { continue }
                try device.apply(page, askedWith: device.cursor)
            }
            var data = try #require(disk["f"])
            let place = Int.random(in: 0..<data.count * 3 / 4, using: &generator)
            data[place] ^= UInt8.random(in: 1...255, using: &generator)
            disk["f"] = data
            var damaged = ChangeReducer(try FileChangeStore(named: "f", on: disk))
            guard case .damaged = damaged.store.opening else {
                Issue.record("seed \(seed): a byte at \(place) of \(data.count) was not noticed")
                continue
            }
            #expect(damaged.cursor == nil && damaged.isCatchingUp)
            #expect(try FileChangeStore(named: "f", on: disk).opening == .whole)
            while damaged.isCatchingUp, case .page(let page) = feed.answer(to: damaged.cursor, limit: 3) {
                try damaged.apply(page, askedWith: damaged.cursor)
            }
            #expect(feed.equals(damaged.store.contents))
        }
    }

    @Test func `what another version wrote and this one cannot read calls for a snapshot`() throws {
        for line in [#"{"format":"gondola-changes","version":2}"#, "{}", #"{"changes":[]}"#] {
            let disk = CrashingDisk(seed: 1)
            try disk.write(ChangeLog.line(json: Data(line.utf8)), to: "f")
            let store = try FileChangeStore(named: "f", on: disk)
            guard case .damaged = store.opening else {
                Issue.record("\(line) was read")
                continue
            }
            #expect(store.state.cursor == nil && store.contents.count == 0)
        }
    }

    /// A kind that the older build kept without its body is a job for the newer one.
    @Test func `an object of a kind that was unknown when it was kept calls for a snapshot`() throws {
        let disk = CrashingDisk(seed: 1)
        var device = ChangeReducer(try FileChangeStore(named: "f", on: disk))
        let first = Change(sequence: 1, object: job(1))
        let later = Change(sequence: 2, object: .unknown(kind: "later", id: "x"))
        try device.apply(page([first, later], snapshot: true, cursor: "c2"), askedWith: nil)
        let text = String(decoding: try #require(disk["f"]), as: UTF8.self)
        let lines = text.split(separator: "\n").map { line in
            ChangeLog.line(json: Data(line.dropFirst(17).replacing("\"later\"", with: "\"job\"").utf8))
        }
        disk["f"] = lines.reduce(Data(), +)
        let store = try FileChangeStore(named: "f", on: disk)
        #expect(store.state.cursor == nil)
        if case .damaged = store.opening { return }
        Issue.record("it was found \(store.opening)")
    }

    @Test func `a folder that is not there is an error with its path`() throws {
        var device = ChangeReducer(try FileChangeStore(path: "/nowhere/at/all/feed.log"))
        let error = #expect(throws: ChangeFileError.self) {
            try device.apply(page([], snapshot: true, cursor: "c0"), askedWith: nil)
        }
        #expect(error?.path.hasPrefix("/nowhere/at/all/feed.log") == true)
        #expect(device.cursor == nil)
    }

    /// Every step of the writes of a history fails once, in every way; the machine dies, or goes on.
    @Test(arguments: 0..<UInt64(30), [true, false])
    func `after trouble at any step the copy is as before the page or as after it`(seed: UInt64, dies: Bool) throws {
        var generator = SeededGenerator(seed)
        let disk = CrashingDisk(seed: seed &+ 1)
        var feed = FeedModel()
        var device = ChangeReducer(try FileChangeStore(named: "f", on: disk, slack: 600))
        for _ in 0..<60 {
            for _ in 0..<Int.random(in: 0..<3, using: &generator) { feed.step(using: &generator) }
            guard case .page(let page) = feed.answer(to: device.cursor, limit: 3) else { continue }
            let before = device.store.contents
            var copy = ChangeReducer(before)
            copy.apply(page, askedWith: device.cursor)
            disk.stepsUntilFailure = Int.random(in: 0..<8, using: &generator)
            let isDone = (try? device.apply(page, askedWith: device.cursor)) != nil
            if dies {
                disk.reboot()
                device = ChangeReducer(try FileChangeStore(named: "f", on: disk, slack: 600))
            }
            disk.stepsUntilFailure = nil
            let now = device.store.contents
            #expect(now == copy.store || (!isDone && now == before))
            if case .damaged(let what) = device.store.opening { Issue.record("\(what)") }
        }
        while case .page(let page) = feed.answer(to: device.cursor, limit: 3) {
            try device.apply(page, askedWith: device.cursor)
            if !device.isCatchingUp, !page.hasMore { break }
        }
        #expect(feed.equals(device.store.contents))
        #expect(feed.equals(try FileChangeStore(named: "f", on: disk).contents))
    }
}
