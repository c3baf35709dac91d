import Foundation
import TestSupport
import Testing
import VideoModels

extension ChangeReducer where Store == MemoryChangeStore {
    /// Asks until nothing is left; behind a snapshot comes what changed since it began.
    mutating func follow(_ feed: FeedModel, limit: Int) {
        repeat { take(feed.answer(to: cursor, limit: limit), askedWith: cursor) } while isCatchingUp
        while case .page(let page) = feed.answer(to: cursor, limit: limit), !page.changes.isEmpty || page.hasMore {
            apply(page, askedWith: cursor)
        }
    }

    mutating func take(_ answer: FeedModel.Answer, askedWith cursor: String?) {
        switch answer {
        case .page(let page): if apply(page, askedWith: cursor) == .misplaced { resynchronise() }
        case .expired: if cursor == self.cursor { resynchronise() }
        }
    }
}

@Suite struct ChangeReducerTests {
    private func job(_ number: UInt64, _ status: Job.Status = .waiting) -> Job {
        var job = Job.sample
        job.id = .sample(number)
        job.status = .known(status)
        return job
    }

    private func page(
        _ changes: [Change], snapshot: Bool = false, cursor: String = "c", hasMore: Bool = false, from: Int64 = 0,
        through: Int64? = nil
    ) -> ChangePage {
        ChangePage(
            isSnapshot: snapshot, changes: changes, cursor: cursor, hasMore: hasMore, from: from,
            through: through ?? changes.map(\.sequence).max() ?? from)
    }

    /// Job 1 at sequence 2, and nothing under way.
    private func followingDevice() -> ChangeReducer<MemoryChangeStore> {
        var device = ChangeReducer()
        device.apply(page([Change(sequence: 2, object: .job(job(1)))], snapshot: true, cursor: "c2"), askedWith: nil)
        device.apply(page([], cursor: "c2", from: 2), askedWith: "c2")
        return device
    }

    @Test func `a snapshot and then increments`() {
        var device = ChangeReducer()
        #expect(device.cursor == nil && device.isCatchingUp)
        device = followingDevice()
        #expect(!device.isCatchingUp)
        device.apply(page([Change(sequence: 3, object: .job(job(1, .ready)))], cursor: "c3", from: 2), askedWith: "c2")
        device.apply(page([Change(sequence: 4, object: .video(.sample))], cursor: "c4", from: 3), askedWith: "c3")
        #expect(device.store.jobs[.sample(1)]?.status == .known(.ready))
        #expect(device.store.videos.count == 1 && device.store.count == 2)
        #expect(device.cursor == "c4" && device.store.state.through == 4)
    }

    @Test func `a page that comes twice or late changes nothing`() {
        var device = followingDevice()
        let gone = Change(sequence: 4, object: .deleted(kind: .known(.job), id: JobID.sample(1).description))
        let first = page([Change(sequence: 3, object: .job(job(2)))], cursor: "c3", from: 2)
        let second = page([gone], cursor: "c4", from: 3)
        // The second overtook the first: it has to be asked for again.
        #expect(device.apply(second, askedWith: "c3") == .stale)
        #expect(device.apply(first, askedWith: "c2") == .applied)
        #expect(device.apply(second, askedWith: "c3") == .applied)
        let once = device
        #expect(device.apply(first, askedWith: "c2") == .stale)
        #expect(device.apply(second, askedWith: "c3") == .stale)
        #expect(device == once)
        #expect(device.store.jobs.keys == [.sample(2)])
    }

    @Test func `a page of another history is passed over, however high its sequences`() {
        var device = followingDevice()
        device.resynchronise()
        let late = page([Change(sequence: 900, object: .job(job(9)))], cursor: "old", from: 2)
        #expect(device.apply(late, askedWith: "c2") == .stale)
        #expect(device.store.jobs.keys == [.sample(1)] && device.cursor == nil)
    }

    @Test func `a page that leaves something out is not taken`() {
        var device = followingDevice()
        let once = device
        #expect(device.apply(page([], cursor: "c9", from: 5, through: 9), askedWith: "c2") == .misplaced)
        #expect(device.apply(page([], cursor: "c1", from: 0, through: 1), askedWith: "c2") == .misplaced)
        #expect(device.apply(page([], snapshot: true, cursor: "c9", through: 9), askedWith: "c2") == .misplaced)
        #expect(device.apply(page([], cursor: "c2", hasMore: true, from: 2), askedWith: "c2") == .misplaced)
        #expect(device == once)
        device.resynchronise()
        #expect(device.apply(page([], cursor: "c9", through: 9), askedWith: nil) == .misplaced)
        device.apply(page([], snapshot: true, cursor: "s5", hasMore: true, through: 5), askedWith: nil)
        #expect(device.apply(page([], snapshot: true, cursor: "s6", through: 6), askedWith: "s5") == .misplaced)
    }

    @Test func `resynchronising keeps the data until all is there, then drops what was not named`() {
        var device = ChangeReducer()
        let old = [1, 2, 3].map { Change(sequence: 6 + Int64($0), object: .job(job($0))) }
        device.apply(page(old, snapshot: true, cursor: "c9"), askedWith: nil)
        device.apply(page([], cursor: "c9", from: 9), askedWith: "c9")
        device.resynchronise()
        #expect(device.cursor == nil && device.store.jobs.count == 3)
        // The counters of the restored history start further back.
        let first = page([Change(sequence: 4, object: .job(job(4)))], snapshot: true, cursor: "s4-4", hasMore: true)
        device.apply(first, askedWith: nil)
        device.apply(
            page([Change(sequence: 2, object: .job(job(2, .failed)))], snapshot: true, cursor: "c4", through: 4),
            askedWith: "s4-4")
        // Job 3 may have changed while the snapshot was read: it is there until that is known.
        #expect(Set(device.store.jobs.keys) == [.sample(1), .sample(2), .sample(3), .sample(4)])
        #expect(device.isCatchingUp)
        let meanwhile = [Change(sequence: 5, object: .job(job(3, .ready)))]
        device.apply(page(meanwhile, cursor: "c5", hasMore: true, from: 4), askedWith: "c4")
        #expect(device.isCatchingUp)
        device.apply(page([], cursor: "c5", from: 5), askedWith: "c5")
        #expect(Set(device.store.jobs.keys) == [.sample(2), .sample(3), .sample(4)])
        #expect(device.store.jobs[.sample(2)]?.status == .known(.failed))
        #expect(device.store.jobs[.sample(3)]?.status == .known(.ready))
    }

    @Test func `of a kind that came later the version is kept, for the digest, and nothing else`() {
        var device = followingDevice()
        let album = Change.Object.unknown(kind: "album", id: "x")
        device.apply(page([Change(sequence: 3, object: album)], cursor: "c3", from: 2), askedWith: "c2")
        #expect(device.store.versions().contains(.init(kind: .unknown("album"), id: "x", sequence: 3)))
        #expect(device.store.jobs.count == 1 && device.store.videos.isEmpty)
        let gone = Change(sequence: 4, object: .deleted(kind: .unknown("album"), id: "x"))
        device.apply(page([gone], cursor: "c4", from: 3), askedWith: "c3")
        #expect(device.store.count == 1)
    }

    @Test(arguments: [0, FeedState.modelVersion + 1, nil])
    func `a copy that a build with other types wrote is checked against a snapshot, and stays meanwhile`(
        version: Int?
    ) {
        var state = followingDevice().store.state
        state.modelVersion = version
        var store = followingDevice().store
        store.commit(ChangeBatch(state))
        var device = ChangeReducer(store)
        #expect(device.cursor == nil && device.isCatchingUp && device.store.jobs.count == 1)
        #expect(device.apply(page([], cursor: "c2", from: 2), askedWith: "c2") == .stale)
        let changes = [Change(sequence: 3, object: .job(job(2)))]
        #expect(device.apply(page(changes, snapshot: true, cursor: "c3"), askedWith: nil) == .applied)
        #expect(device.store.jobs.count == 2 && device.cursor == "c3")
        device.apply(page([], cursor: "c3", from: 3), askedWith: "c3")
        #expect(device.store.jobs.keys == [.sample(2)])
        #expect(ChangeReducer(device.store).cursor == "c3")
    }

    @Test func `an object whose contents cannot be read is a version and no object`() throws {
        var device = followingDevice()
        let json = #"{"id":"\#(JobID.sample(1))","job":{"id":7},"kind":"job","sequence":3}"#
        let change = try Wire.decode(Change.self, from: Data(json.utf8))
        #expect(change.key == Change.ObjectKey(kind: .known(.job), id: JobID.sample(1).description))
        device.apply(page([change], cursor: "c3", from: 2), askedWith: "c2")
        #expect(device.store.versions().map(\.sequence) == [3])
        #expect(device.store.jobs.isEmpty && device.store.jobs.keys.isEmpty && device.store.jobs.count == 0)
        #expect(try Wire.decode(Change.self, from: try Wire.encode(change)) == change)
        device.apply(page([Change(sequence: 4, object: .job(job(1)))], cursor: "c4", from: 3), askedWith: "c3")
        #expect(device.store.jobs.count == 1 && device.store.count == 1)
    }

    @Test func `a new day and a new month begin with nothing spent, at midnight UTC`() throws {
        let spending = Spending(
            id: .sample(), day: .init(startsOn: "2026-11-30", spent: Money(usd: 3), budget: Money(usd: 5)),
            month: .init(startsOn: "2026-11-01", spent: Money(usd: 9)))
        let last = try #require(Wire.date(from: "2026-11-30T23:59:59.999Z"))
        #expect(spending.day(at: last) == spending.day && spending.month(at: last) == spending.month)
        let next = try #require(Wire.date(from: "2026-12-01T00:00:00Z"))
        #expect(
            spending.day(at: next) == .init(startsOn: "2026-12-01", spent: .zero, budget: Money(usd: 5)))
        #expect(spending.month(at: next) == .init(startsOn: "2026-12-01", spent: .zero))
        let behind = try #require(Wire.date(from: "2026-10-31T12:00:00Z"))
        #expect(spending.day(at: behind) == spending.day && spending.month(at: behind) == spending.month)
        let later = try #require(Wire.date(from: "2026-11-30T12:00:00Z"))
        #expect(spending.month(at: later) == spending.month)
    }

    @Test func `the user's settings and spending are objects like others`() {
        var device = followingDevice()
        #expect(device.store.settings == nil && device.store.spending == nil)
        let settings = UserSettings(id: .sample(), name: "Ann", activeJobLimit: 3)
        device.apply(page([Change(sequence: 3, object: .settings(settings))], cursor: "c3", from: 2), askedWith: "c2")
        #expect(device.store.settings == settings)
        #expect(device.store.objects(UserSettings.self)[.sample()] == settings)
    }

    @Test func `a copy can go on after a cursor without what was before it`() {
        var device = ChangeReducer(MemoryChangeStore(FeedState(following: "c7")))
        #expect(!device.isCatchingUp)
        device.apply(page([Change(sequence: 9, object: .job(job(1)))], cursor: "c9", from: 7), askedWith: "c7")
        #expect(device.store.jobs.count == 1 && device.store.state.through == 9)
    }

    @Test(arguments: 0..<UInt64(40))
    func `random histories in random pages, with repeats and late pages, end equal`(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var feed = FeedModel()
        var device = ChangeReducer()
        var seen: [(FeedModel.Answer, String?)] = []
        for _ in 0..<120 {
            for _ in 0..<Int.random(in: 0..<4, using: &generator) { feed.step(using: &generator) }
            let cursor = device.cursor
            let answer = feed.answer(to: cursor, limit: Int.random(in: 1...5, using: &generator))
            device.take(answer, askedWith: cursor)
            seen.append((answer, cursor))
            while Int.random(in: 0..<3, using: &generator) == 0 {
                if let late = seen.suffix(20).randomElement(using: &generator) {
                    device.take(late.0, askedWith: late.1)
                }
            }
            var copy = device
            copy.follow(feed, limit: 100)
            #expect(feed.equals(copy.store))
            if Int.random(in: 0..<25, using: &generator) == 0 { device.resynchronise() }
            if Int.random(in: 0..<25, using: &generator) == 0 { feed.prune(upTo: feed.last - 5) }
        }
        device.follow(feed, limit: 3)
        #expect(feed.equals(device.store))
    }
}
