import Foundation
import TestSupport
import Testing
import VideoModels

/// A user's objects as a server holds them: each with the sequence of its last change, gone ones as tombstones.
struct FeedModel {
    var last: Int64 = 0
    var rows: [Change.ObjectKey: Change] = [:]

    var living: [Change] {
        rows.values.filter { if case .deleted = $0.object { false } else { true } }
    }

    mutating func write(_ object: Change.Object) {
        last += 1
        let change = Change(sequence: last, object: object)
        rows[change.key] = change
    }

    mutating func delete(_ key: Change.ObjectKey) { write(.deleted(kind: key.kind, id: key.id)) }

    /// The page that follows `cursor`: `s<upper>-<below>` inside a snapshot, `c<sequence>` after it.
    func page(after cursor: String?, limit: Int) -> ChangePage {
        let numbers = (cursor ?? "").dropFirst().split(separator: "-").compactMap { Int64($0) }
        if let cursor, cursor.hasPrefix("c") {
            let found = rows.values.filter { $0.sequence > numbers[0] }.sorted { $0.sequence < $1.sequence }
            let page = Array(found.prefix(limit))
            let through = found.count > limit ? page.last?.sequence ?? last : last
            return ChangePage(
                isSnapshot: false, changes: page, cursor: "c\(through)", hasMore: found.count > limit,
                from: numbers[0], through: through)
        }
        let (upper, below) = cursor == nil ? (last, last + 1) : (numbers[0], numbers[1])
        let found = living.filter { $0.sequence < below }.sorted { $0.sequence > $1.sequence }
        let page = Array(found.prefix(limit))
        let hasMore = found.count > limit
        let next = hasMore ? "s\(upper)-\(page.last?.sequence ?? 0)" : "c\(upper)"
        return ChangePage(
            isSnapshot: true, changes: page, cursor: next, hasMore: hasMore, from: 0, through: upper)
    }

    mutating func step(using generator: inout SeededGenerator) {
        let number = UInt64.random(in: 1...12, using: &generator)
        switch Int.random(in: 0..<10, using: &generator) {
        case 0..<6:
            var job = Job.sample
            job.id = .sample(number)
            job.price = Money(usd: Decimal(last))
            write(.job(job))
        case 6..<8:
            var video = Video.sample
            video.id = .sample(number)
            video.bytes = last
            write(.video(video))
        case 8: write(.unknown(kind: "album", id: "\(number)"))
        default:
            if let key = living.map(\.key).min(by: { $0.id < $1.id }) { delete(key) }
        }
    }

    /// Whether a device holds exactly what lives here.
    func equals(_ device: ChangeReducer) -> Bool {
        var jobs: [JobID: Job] = [:]
        var videos: [VideoID: Video] = [:]
        for change in living {
            if case .job(let job) = change.object { jobs[job.id] = job }
            if case .video(let video) = change.object { videos[video.id] = video }
        }
        return device.jobs == jobs && device.videos == videos
    }
}

extension ChangeReducer {
    /// Asks until nothing is left; behind a snapshot comes what changed since it began.
    mutating func follow(_ feed: FeedModel, limit: Int) {
        var page: ChangePage
        repeat {
            page = feed.page(after: cursor, limit: limit)
            apply(page)
        } while page.hasMore || page.isSnapshot
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
        _ changes: [Change], snapshot: Bool = false, cursor: String = "c", hasMore: Bool = false
    ) -> ChangePage {
        ChangePage(
            isSnapshot: snapshot, changes: changes, cursor: cursor, hasMore: hasMore, from: 0,
            through: changes.map(\.sequence).max() ?? 0)
    }

    @Test func `a snapshot and then increments`() {
        var device = ChangeReducer()
        #expect(device.cursor == nil)
        device.apply(page([Change(sequence: 2, object: .job(job(1)))], snapshot: true, cursor: "c2"))
        device.apply(page([Change(sequence: 3, object: .job(job(1, .ready)))], cursor: "c3"))
        device.apply(page([Change(sequence: 4, object: .video(.sample))], cursor: "c4"))
        #expect(device.jobs[.sample(1)]?.status == .known(.ready))
        #expect(device.videos.count == 1)
        #expect(device.cursor == "c4")
    }

    @Test func `a page applied twice changes nothing`() {
        var device = ChangeReducer()
        let pages = [
            page([Change(sequence: 2, object: .job(job(1)))], snapshot: true, cursor: "c2"),
            page(
                [
                    Change(sequence: 3, object: .job(job(2))),
                    Change(sequence: 4, object: .deleted(kind: .known(.job), id: JobID.sample(1).description)),
                ], cursor: "c4"),
        ]
        for page in pages {
            device.apply(page)
            let once = device
            device.apply(page)
            #expect(device == once)
        }
        #expect(Set(device.jobs.keys) == [.sample(2)])
    }

    @Test func `an older version never replaces a newer one, nor brings back what is gone`() {
        var device = ChangeReducer()
        device.apply(page([], snapshot: true))
        device.apply(page([Change(sequence: 9, object: .job(job(1, .ready)))]))
        device.apply(page([Change(sequence: 5, object: .job(job(1, .rendering)))]))
        #expect(device.jobs[.sample(1)]?.status == .known(.ready))
        device.apply(page([Change(sequence: 10, object: .deleted(kind: .known(.job), id: "\(JobID.sample(1))"))]))
        device.apply(page([Change(sequence: 9, object: .job(job(1, .ready)))]))
        #expect(device.jobs.isEmpty)
    }

    @Test func `resynchronising keeps the data until the snapshot is whole, then drops what it did not name`() {
        var device = ChangeReducer()
        let old = [Change(sequence: 7, object: .job(job(1))), Change(sequence: 8, object: .job(job(2)))]
        device.apply(page(old, snapshot: true, cursor: "c8"))
        device.resynchronise()
        #expect(device.cursor == nil)
        #expect(device.jobs.count == 2)
        device.apply(
            page([Change(sequence: 4, object: .job(job(3)))], snapshot: true, cursor: "s4-4", hasMore: true))
        #expect(device.jobs.count == 3)
        device.apply(page([Change(sequence: 2, object: .job(job(2, .failed)))], snapshot: true, cursor: "c4"))
        #expect(Set(device.jobs.keys) == [.sample(2), .sample(3)])
        #expect(device.jobs[.sample(2)]?.status == .known(.failed))
        // The counters of the restored history start further back, and still count.
        device.apply(page([Change(sequence: 5, object: .job(job(2, .ready)))], cursor: "c5"))
        #expect(device.jobs[.sample(2)]?.status == .known(.ready))
    }

    @Test func `a kind that came later moves the cursor and keeps nothing`() {
        var device = ChangeReducer()
        device.apply(page([], snapshot: true))
        device.apply(page([Change(sequence: 3, object: .unknown(kind: "album", id: "x"))], cursor: "c3"))
        device.apply(page([Change(sequence: 4, object: .deleted(kind: .unknown("album"), id: "x"))], cursor: "c4"))
        #expect(device.cursor == "c4")
        #expect(device.jobs.isEmpty && device.videos.isEmpty)
    }

    @Test func `a copy survives being stored, in the middle of a snapshot too`() throws {
        var feed = FeedModel()
        for number in 1...5 { feed.write(.job(job(UInt64(number)))) }
        var device = ChangeReducer()
        device.apply(feed.page(after: nil, limit: 2))
        device = try JSONDecoder().decode(ChangeReducer.self, from: JSONEncoder().encode(device))
        device.follow(feed, limit: 2)
        #expect(feed.equals(device))
    }

    @Test(arguments: 0..<UInt64(40))
    func `random histories in random pages, with repeats and late pages, end equal`(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var feed = FeedModel()
        var device = ChangeReducer()
        var seen: [ChangePage] = []
        for _ in 0..<120 {
            for _ in 0..<Int.random(in: 0..<4, using: &generator) { feed.step(using: &generator) }
            let page = feed.page(after: device.cursor, limit: Int.random(in: 1...5, using: &generator))
            device.apply(page)
            seen.append(page)
            while Int.random(in: 0..<3, using: &generator) == 0 {
                if let late = seen.suffix(20).randomElement(using: &generator) { device.apply(late) }
            }
            var copy = device
            copy.follow(feed, limit: 100)
            #expect(feed.equals(copy))
            if Int.random(in: 0..<25, using: &generator) == 0 {
                device.resynchronise()
                seen = []
            }
        }
        device.follow(feed, limit: 3)
        #expect(feed.equals(device))
        var fresh = ChangeReducer()
        fresh.follow(feed, limit: 100)
        #expect(device.jobs == fresh.jobs && device.videos == fresh.videos)
    }
}
