import FeedSync
import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

@Suite(.serialized, .timeLimit(.minutes(10))) struct MainJobTests {
    @Test func `three videos of every kind of delivery arrive whole, are paid once and removed upstream`() async throws
    {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let copy = try await stack.makeOneOfEachDelivery(gondola, phone)
            #expect(copy.videos.count == 3)

            let ledger = try await stack.simulator.ledger()
            #expect(ledger.charges.count == 3)
            #expect(ledger.violations.isEmpty, "\(ledger.violations)")
            #expect(ledger.jobs.allSatisfy { $0.deleted })
            let sums = try await stack.database.sql(
                "select kind, count(*), sum(amount) = (select sum(price) from jobs) from ledger group by kind order by kind"
            )
            #expect(sums.split(separator: "\n") == ["reserve|3|t", "settle|3|t"])
            // A device that starts from nothing ends up with the same.
            let fresh = try await stack.follow(phone) { _ in true }
            #expect(fresh.jobs == copy.jobs && fresh.videos == copy.videos)
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test(arguments: ["priced", "submissionAccepted", "videoAnnounced", "videoStored"])
    func `a worker killed after a durable step is followed by one that finishes the job for one charge`(
        event: String
    ) async throws {
        try await Stack.with { stack in
            let first = try await stack.start()
            let detail = try await stack.phone(first).submit(
                JobSubmission(request: Stack.textRequest()), idempotencyKey: "once")
            try await first.waitFor(event, of: detail.job.id)
            await first.kill()

            let second = try await stack.start()
            let phone = try stack.phone(second)
            let copy = try await stack.follow(phone) { $0.jobs[detail.job.id]?.isOver == true }
            let charges = try await stack.simulator.ledger().charges.count
            if event == "priced", copy.jobs[detail.job.id]?.status == .known(.attention) {
                // The worker was quicker than the kill, and died with the paid request under way.
                #expect(charges <= 1)
            } else {
                #expect(copy.jobs[detail.job.id]?.status == .known(.ready))
                #expect(charges == 1)
                try await stack.checkFiles(of: copy, phone)
            }
            #expect(await second.terminate() == 0)
        }
    }

    @Test func `a worker killed while the paid request is under way leaves the decision to a person`() async throws {
        try await Stack.with { stack in
            try stack.simulator.inject([Fault(.init(endpoint: .queue), .neverAnswer)])
            let first = try await stack.start()
            let detail = try await stack.phone(first).submit(
                JobSubmission(request: Stack.textRequest()), idempotencyKey: "once")
            try await first.waitFor("submissionIntended", of: detail.job.id)
            try await stack.follow(stack.phone(first)) { $0.jobs[detail.job.id]?.status == .known(.submitting) }
            await first.kill()

            let second = try await stack.start()
            let phone = try stack.phone(second)
            let copy = try await stack.follow(phone) { $0.jobs[detail.job.id]?.isOver == true }
            let job = try #require(copy.jobs[detail.job.id])
            #expect(job.status == .known(.attention))
            #expect(job.attention?.kind == .known(.unknownOutcome))
            #expect(try await stack.simulator.ledger().charges.count <= 1)

            let over = try await phone.decide(.giveUp, on: try await phone.job(detail.job.id).job)
            #expect(over.job.status == .known(.failed))
            #expect(await second.terminate() == 0)
        }
    }

    @Test func `a private download that breaks goes on where it broke`() async throws {
        try await Stack.with { stack in
            try stack.simulator.inject([Fault(.init(endpoint: .download), .truncate(after: 10_000))])
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let detail = try await phone.submit(JobSubmission(request: Stack.privateRequest()), idempotencyKey: "once")
            let copy = try await stack.follow(phone) { $0.jobs[detail.job.id]?.isOver == true }
            #expect(copy.jobs[detail.job.id]?.status == .known(.ready))
            try await stack.checkFiles(of: copy, phone)
            let calls = try await stack.simulator.ledger().calls.filter { $0.endpoint == .download }
            #expect(Dictionary(uniqueKeysWithValues: calls.map { ($0.status, $0.count) }) == [200: 1, 206: 1])
            #expect(await gondola.terminate() == 0)
        }
    }

    /// Stopped past its leases and let go on, as a machine that was put to sleep. Nobody else has taken the jobs.
    @Test func `a worker that slept past its leases goes on with its own jobs, and ends when told`() async throws {
        try await Stack.with { stack in
            try stack.simulator.inject([
                Fault(
                    .init(endpoint: .retrieve, count: 400),
                    .reply(
                        status: 200, headers: ["Content-Type": "application/json"], body: #"{"status":"PROCESSING"}"#,
                        processed: false))
            ])
            let gondola = try await stack.start(["GONDOLA_LEASE": "1s", "GONDOLA_LEASE_RENEWAL": "0.4s"])
            let phone = try stack.phone(gondola)
            var jobs: [JobID] = []
            for number in 0..<4 {
                let request = JobSubmission(request: Stack.textRequest("gondola number \(number)"))
                jobs.append(try await phone.submit(request, idempotencyKey: "k\(number)").job.id)
            }
            let ids = jobs
            try await stack.follow(phone) { copy in ids.allSatisfy { copy.jobs[$0]?.status == .known(.rendering) } }
            gondola.pause()
            while try await stack.database.sql("select count(*) from jobs where next_action_at < now()") != "4" {
                await Task.yield()
            }
            gondola.goOn()
            stack.simulator.clearFaults()
            let copy = try await stack.follow(phone) { copy in ids.allSatisfy { copy.jobs[$0]?.isOver == true } }
            #expect(ids.allSatisfy { copy.jobs[$0]?.status == .known(.ready) })
            #expect(try await stack.simulator.ledger().charges.count == 4)
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a submission whose answer is lost after the charge is never sent again by itself`() async throws {
        try await Stack.with { stack in
            try stack.simulator.inject([Fault(.init(endpoint: .queue), .loseAnswer)])
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let detail = try await phone.submit(
                JobSubmission(request: Stack.textRequest()), idempotencyKey: "once")
            let copy = try await stack.follow(phone) { $0.jobs[detail.job.id]?.isOver == true }
            #expect(copy.jobs[detail.job.id]?.status == .known(.attention))
            #expect(try await stack.simulator.ledger().charges.count == 1)
            #expect(try await stack.simulator.ledger().calls(.queue) == 1)

            // A person who knows the risk may ask again, and pays twice.
            _ = try await phone.decide(.resubmit, on: try await phone.job(detail.job.id).job)
            let end = try await stack.follow(phone) { $0.jobs[detail.job.id]?.status == .known(.ready) }
            #expect(end.videos.count == 1)
            #expect(try await stack.simulator.ledger().charges.count == 2)
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test(arguments: [
        Fault(.init(endpoint: .queue), .tooManyRequests(form: .retryAfter, seconds: 1)),
        Fault(.init(endpoint: .quote), .edgePage(status: 503)),
        Fault(.init(endpoint: .retrieve, count: 2), .badGateway),
        Fault(.init(endpoint: .retrieve, count: 3), .reset),
    ])
    func `passing trouble upstream costs time and nothing else`(fault: Fault) async throws {
        try await Stack.with { stack in
            try stack.simulator.inject([fault])
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let detail = try await phone.submit(
                JobSubmission(request: Stack.textRequest()), idempotencyKey: "once")
            let copy = try await stack.follow(phone) { $0.jobs[detail.job.id]?.isOver == true }
            #expect(copy.jobs[detail.job.id]?.status == .known(.ready))
            try await stack.checkFiles(of: copy, phone)
            #expect(try await stack.simulator.ledger().charges.count == 1)
            #expect(await gondola.terminate() == 0)
        }
    }

    @Test func `a link that breaks off in the middle is fetched again until the file is whole`() async throws {
        try await Stack.with { stack in
            try stack.simulator.inject([Fault(.init(endpoint: .download, count: 2), .truncate(after: 5000))])
            let gondola = try await stack.start()
            let phone = try stack.phone(gondola)
            let detail = try await phone.submit(
                JobSubmission(request: Stack.privateRequest()), idempotencyKey: "once")
            let copy = try await stack.follow(phone) { $0.jobs[detail.job.id]?.isOver == true }
            #expect(copy.jobs[detail.job.id]?.status == .known(.ready))
            try await stack.checkFiles(of: copy, phone)
            #expect(await gondola.terminate() == 0)
        }
    }
}

/// A job that did not get where it should, with what the processes said last.
struct Stuck: Error, CustomStringConvertible { var description: String }

extension Job {
    /// Nothing more happens by itself.
    var isOver: Bool { status.known.map { $0.isFinal || $0 == .attention } ?? false }
}

extension Stack {
    /// Follows the feed from nothing until the copy is as wanted.
    @discardableResult
    func follow(
        _ phone: PhoneClient, until isEnough: (MemoryChangeStore) -> Bool
    ) async throws -> MemoryChangeStore {
        // A poll comes back in any case, so that a copy that does not get there is noticed.
        var follower = FeedClient(phone, options: .init(wait: 20, listens: false))
        let end = ContinuousClock.now + .seconds(180)
        repeat {
            _ = try await follower.next()
            guard ContinuousClock.now < end else {
                throw Stuck(
                    description: "still \(follower.copy.jobs.values.map(\.status))\n\(await processes.lastLines())")
            }
        } while follower.isCatchingUp || !isEnough(follower.copy)
        return follower.copy
    }

    /// Asks for a video of every kind of delivery, and waits until all are here, whole, and gone upstream.
    func makeOneOfEachDelivery(_ gondola: GondolaProcess, _ phone: PhoneClient) async throws -> MemoryChangeStore {
        let image = try await phone.uploadAsset(file: try await picture(), contentType: "image/png")
        var jobs: [JobID] = []
        for request in [Stack.textRequest(), Stack.privateRequest(), Stack.imageRequest(image.id)] {
            let detail = try await phone.submit(JobSubmission(request: request), idempotencyKey: request.model)
            jobs.append(detail.job.id)
        }
        let copy = try await follow(phone) { copy in jobs.allSatisfy { copy.jobs[$0]?.isOver == true } }
        #expect(copy.jobs.values.allSatisfy { $0.status == .known(.ready) }, "\(copy.jobs.values.map(\.status))")
        try await checkFiles(of: copy, phone)
        for job in jobs { try await gondola.waitFor("cleanedUp", of: job) }
        return copy
    }

    /// Every video comes down whole, with the bytes that the upstream delivered.
    func checkFiles(of copy: MemoryChangeStore, _ phone: PhoneClient) async throws {
        let delivered = Set(try await simulator.ledger().jobs.compactMap(\.deliveredSHA256))
        for video in copy.videos.values {
            let path = directory.appending(path: "\(video.id).mp4").path
            try await phone.download(video, to: path)
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int64
            #expect(size == video.bytes)
            #expect(delivered.contains(video.sha256))
            #expect(video.width != nil && video.height != nil && video.durationSeconds ?? 0 > 4)
        }
    }

    func picture() async throws -> String {
        let path = directory.appending(path: "picture.png").path
        let ffmpeg = Process()
        ffmpeg.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        ffmpeg.arguments = [
            "ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360", "-frames:v", "1",
            path,
        ]
        try ffmpeg.run()
        ffmpeg.waitUntilExit()
        try #require(ffmpeg.terminationStatus == 0)
        return path
    }
}
