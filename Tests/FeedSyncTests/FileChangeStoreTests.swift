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

    /// A kind that the older build kept without its body is an object for the newer one.
    @Test func `what an older build could not read is kept as a version, and comes with a newer one`() throws {
        let disk = CrashingDisk(seed: 1)
        var device = ChangeReducer(try FileChangeStore(named: "f", on: disk))
        let first = Change(sequence: 1, object: job(1))
        let later = Change(sequence: 2, object: .unknown(kind: "later", id: "x"))
        try device.apply(page([first, later], snapshot: true, cursor: "c2"), askedWith: nil)
        try device.apply(page([], cursor: "c2", from: 2), askedWith: "c2")
        let number = "\"model_version\":\(FeedState.modelVersion)"
        for old in [",\"model_version\":0", ""] {
            let other = CrashingDisk(seed: 1)
            try other.write(
                rewritten(try #require(disk["f"])) {
                    $0.replacing("\"later\"", with: "\"job\"").replacing("," + number, with: old)
                }, to: "f")
            var newer = ChangeReducer(try FileChangeStore(named: "f", on: other))
            #expect(newer.store.opening == .whole)
            #expect(newer.cursor == nil && newer.isCatchingUp)
            #expect(newer.store.contents.jobs.keys == [.sample(1)] && newer.store.versions().count == 2)
            try newer.apply(page([first], snapshot: true, cursor: "c3"), askedWith: nil)
            try newer.apply(page([], cursor: "c3", from: 1), askedWith: "c3")
            #expect(newer.cursor == "c3" && newer.store.contents.count == 1)
            let again = ChangeReducer(try FileChangeStore(named: "f", on: other))
            #expect(again.cursor == "c3" && again.store.contents == newer.store.contents)
        }
    }

    /// Each record as the text makes it.
    private func rewritten(_ data: Data, _ change: (String) -> String) -> Data {
        String(decoding: data, as: UTF8.self).split(separator: "\n").reduce(into: Data()) { file, line in
            file += ChangeLog.line(json: Data(change(String(line.dropFirst(17))).utf8))
        }
    }

    @Test func `a file cut anywhere brings nothing back that was deleted`() throws {
        let disk = CrashingDisk(seed: 1)
        var feed = FeedModel()
        for number in 1...4 { feed.write(job(UInt64(number))) }
        var device = ChangeReducer(try FileChangeStore(named: "f", on: disk, slack: 0))
        try follow(feed, &device)
        // An object of an earlier round, so that the file has several beginnings.
        try device.resynchronise()
        guard case .page(let page) = feed.answer(to: nil, limit: 2) else { return }
        try device.apply(page, askedWith: nil)
        let file = try ChangeLog.file(of: device.store.contents)
        feed.delete(.init(kind: .known(.job), id: JobID.sample(1).description))
        feed.delete(.init(kind: .known(.job), id: JobID.sample(4).description))
        feed.prune(upTo: feed.last)
        let lines = file.indices.filter { file[$0] == UInt8(ascii: "\n") }
        for length in Set(stride(from: 0, through: file.count, by: 7)).union(lines).union(lines.map { $0 + 1 }) {
            let cut = CrashingDisk(seed: 1)
            try cut.write(file.prefix(length), to: "f")
            var device = ChangeReducer(try FileChangeStore(named: "f", on: cut))
            try follow(feed, &device)
            #expect(feed.equals(device.store.contents), "cut at \(length) of \(file.count)")
            #expect(feed.equals(try FileChangeStore(named: "f", on: cut).contents))
        }
    }

    private func follow(_ feed: FeedModel, _ device: inout ChangeReducer<FileChangeStore>) throws {
        repeat {
            switch feed.answer(to: device.cursor, limit: 3) {
            case .page(let page): try device.apply(page, askedWith: device.cursor)
            case .expired: try device.resynchronise()
            }
        } while device.isCatchingUp
    }

    @Test func `the file stays within its bound although it is opened again and again`() throws {
        let disk = CrashingDisk(seed: 1)
        var (largest, cursor) = (0, "c0")
        for launch in 0..<300 {
            var device = ChangeReducer(try FileChangeStore(named: "f", on: disk, slack: 4096))
            if launch == 0 {
                try device.apply(page([], snapshot: true, cursor: "c0"), askedWith: nil)
                try device.apply(page([], cursor: "c0"), askedWith: "c0")
            }
            for step in 1...3 {
                let sequence = Int64(launch * 3 + step)
                let change = Change(sequence: sequence, object: job(UInt64(sequence % 3 + 1)))
                try device.apply(page([change], cursor: "c\(sequence)", from: sequence - 1), askedWith: cursor)
                cursor = "c\(sequence)"
            }
            largest = max(largest, disk["f"]?.count ?? 0)
        }
        let store = try FileChangeStore(named: "f", on: disk)
        let whole = try ChangeLog.file(of: store.contents).count
        #expect(store.contents.jobs.count == 3 && largest < 3 * whole + 8192)
    }

    /// The new file has its name already when the directory's sync fails: the store is as before, and so is the next file.
    @Test func `a first commit that fails at its end leaves nothing of itself in the file`() throws {
        for failing in 0..<8 {
            for seed in UInt64(0)..<6 {
                let disk = CrashingDisk(seed: seed)
                let store = try FileChangeStore(named: "f", on: disk)
                var state = FeedState()
                state.cursor = "a"
                disk.stepsUntilFailure = failing
                let isDone =
                    (try? store.commit(ChangeBatch(state, changes: [Change(sequence: 1, object: job(1))]))) != nil
                disk.stepsUntilFailure = nil
                state.cursor = "b"
                try store.commit(ChangeBatch(state, changes: [Change(sequence: 2, object: job(2))]))
                #expect(store.contents.jobs.count == (isDone ? 2 : 1))
                #expect(try FileChangeStore(named: "f", on: disk).contents == store.contents)
            }
        }
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
