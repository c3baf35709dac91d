import Foundation
import SyncService
import TestSupport
import Testing
import VideoModels

@testable import gondola

struct DemoTests {
    private func job(_ number: UInt64, _ status: Job.Status, usual: Double? = nil) -> Job {
        Job(
            id: .sample(number), status: .known(status), request: VideoRequest(model: "m"), createdAt: .sample,
            updatedAt: .sample,
            estimate: usual.map { Job.Estimate(startedAt: .sample, usualSeconds: $0) })
    }

    private func copy(_ jobs: Job...) -> MemoryChangeStore {
        var copy = ChangeReducer()
        let changes = jobs.enumerated().map { Change(sequence: Int64($0) + 1, object: .job($1)) }
        copy.apply(
            ChangePage(isSnapshot: true, changes: changes, cursor: "c", hasMore: false, from: 0, through: 9),
            askedWith: nil)
        return copy.store
    }

    @Test func `the board draws bars from the estimate and never wider than the terminal`() {
        let rows = [
            DemoBoard.Row(title: "one", job: job(1, .rendering, usual: 10)),
            DemoBoard.Row(title: "another", job: job(2, .ready)),
        ]
        let board = DemoBoard(rows)
        let lines = board.lines(width: 60, at: .sample.addingTimeInterval(10))
        // At its usual time a job stands at 0.8.
        #expect(lines[0].contains(" 80 %  rendering"))
        #expect(lines[1].contains("100 %  ready"))
        for width in [1, 20, 60, 200] {
            #expect(board.lines(width: width, at: .sample).allSatisfy { TextWidth.columns(of: $0) < max(2, width) })
        }
    }

    @Test func `a change of status is one line, and no change is none`() {
        var board = DemoBoard([DemoBoard.Row(title: "one", job: job(1, .waiting))])
        #expect(board.update(from: copy(job(1, .waiting))).isEmpty)
        #expect(board.update(from: copy(job(1, .rendering, usual: 8))).count == 1)
        #expect(board.update(from: copy(job(1, .rendering, usual: 9))).isEmpty)
        #expect(board.update(from: copy(job(1, .ready))) == ["09:30:00.125Z  one  ready"])
        #expect(board.isSettled)
    }

    @Test(arguments: [Job.Status.failed, .cancelled, .attention])
    func `the board settles on every end, and says what is no success`(_ status: Job.Status) {
        let board = DemoBoard([DemoBoard.Row(title: "one", job: job(1, status))])
        #expect(board.isSettled)
        #expect(board.rows[0].job.disappointment != nil)
    }

    @Test func `equal copies have no differences, and each difference is named`() {
        let one = copy(job(1, .ready), job(2, .ready))
        #expect(FeedComparison.differences(followed: one, replayed: one).isEmpty)
        let other = copy(job(2, .rendering), job(3, .ready))
        let differences = FeedComparison.differences(followed: one, replayed: other)
        #expect(differences.count == 3)
        #expect(differences[0] == "job \(JobID.sample(1)) was followed, and a replay does not have it")
        #expect(differences[1].hasPrefix("job \(JobID.sample(2)) differs"))
        #expect(differences[2] == "job \(JobID.sample(3)) is in a replay, and was never followed")
    }

    @Test func `the report shows each status as seconds since the start`() {
        let steps = [(Job.Status.waiting, 0.0), (.submitting, 0.1), (.waiting, 0.5), (.ready, 3.25)]
        let detail = JobDetail(
            job: job(1, .ready), sequence: 1,
            timeline: steps.map { Job.Step(status: .known($0), at: .sample.addingTimeInterval($1)) })
        let video = Video(
            id: .sample(), jobID: .sample(1), model: "m", contentType: "video/mp4", bytes: 1_130_000,
            sha256: String(repeating: "ab", count: 32), createdAt: .sample)
        let facts = DemoMedia.Facts(seconds: 5, width: 854, height: 480)
        let report = DemoReport(results: [
            DemoResult(title: "one", detail: detail, video: video, path: "v/1.mp4", facts: facts)
        ])
        #expect(
            report.timelines.lines(width: nil) == [
                "SECONDS UNTIL     waiting  submitting  ready", "one            0.00, 0.50        0.10   3.25",
            ])
        #expect(report.videos.rows == [["one", "m", "-", "v/1.mp4", "1.13 MB", "abababab…", "5.00 s", "854×480"]])
    }

    @Test func `what ffprobe says becomes facts, and half an answer does not`() throws {
        let good =
            #"{"streams":[{"codec_type":"audio"},{"codec_type":"video","width":854,"height":480}],"format":{"duration":"5.000000"}}"#
        #expect(
            try DemoMedia.facts(from: Data(good.utf8), path: "v")
                == DemoMedia.Facts(seconds: 5, width: 854, height: 480))
        for bad in ["", "{}", good.replacing("video", with: "data"), good.replacing("5.000000", with: "N/A")] {
            #expect(throws: CommandFailure.self) { try DemoMedia.facts(from: Data(bad.utf8), path: "v") }
        }
    }

    @Test func `a plan that the server's models do not take is refused with every finding`() throws {
        let plan = DemoPlan(text: "t", image: "i", private: "p", picture: .sample())
        let model = VideoModel(
            id: "t", name: "T", kind: .known(.textToVideo), durations: ["8s"], resolutions: ["480p"],
            aspectRatios: ["16:9"], sound: .known(.none))
        let error = #expect(throws: CommandFailure.self) { try plan.check(against: [model]) }
        #expect(error?.status == .refusedData)
        #expect(error?.message.contains("duration") == true)
        #expect(error?.message.contains("unknown_model") == true)
    }

    @Test func `titles become names of files`() {
        #expect(DemoRun.fileName("Private, by link") == "private-by-link")
    }
}
