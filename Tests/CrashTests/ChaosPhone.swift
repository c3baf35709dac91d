import Foundation
import StackSupport
import SyncService
import TestSupport
import VideoModels

/// A user whose phone finds some server that answers, however often it has to look.
final class ChaosPhone: Sendable {
    private struct State {
        var user = UserID(at: Date())
        var token = Redacted("")
        var submitted: Set<JobID> = []
        var wanted = 0
        var feed = ChangeReducer()
        var isStopped = false
    }

    private let number: Int
    private let stack: Stack
    private let crew: ChaosCrew
    private let state = Locked(State())

    init(number: Int, stack: Stack, crew: ChaosCrew) { (self.number, self.stack, self.crew) = (number, stack, crew) }

    func register() async throws {
        let user = state.value.user
        _ = try await stack.database.store.addUser(named: "user \(number)", id: user)
        let token = try await stack.database.store.issueToken(user: user, device: DeviceID(at: Date()), name: "phone")
        state.change { $0.token = token }
    }

    /// Asks until somebody answers, with one key: however often it arrives, it is one job.
    func submit(isPrivate: Bool) async throws {
        state.change { $0.wanted += 1 }
        let key = "\(number)-\(state.value.wanted)"
        var request = isPrivate ? Stack.privateRequest() : Stack.textRequest()
        request.prompt = "video \(key)"
        let submission = JobSubmission(request: request)
        let job = try await ask { try await $0.submit(submission, idempotencyKey: key) }.job.id
        state.change { _ = $0.submitted.insert(job) }
    }

    private func ask<Answer: Sendable>(
        _ question: @Sendable (PhoneClient) async throws -> Answer
    ) async throws -> Answer {
        var turn = number
        while true {
            turn += 1
            if let process = await crew.address(turn) {
                do {
                    return try await question(PhoneClient(server: process.api, token: state.value.token))
                } catch let error as PhoneClientError where error.isPassing {}
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Follows the feed from nothing, through every server, until `stop()`.
    func follow() async {
        while !state.value.isStopped {
            let cursor = state.value.feed.cursor
            guard let page = try? await ask({ try await $0.changes(cursor: cursor, wait: 1) }) else { return }
            state.change { $0.feed.apply(page, askedWith: cursor) }
        }
    }

    func stop() { state.change { $0.isStopped = true } }

    /// Whether every job that was asked for is over, as far as the phone knows.
    func isAtRest() async throws -> Bool {
        let state = state.value
        return state.submitted.count == state.wanted
            && state.submitted.allSatisfy {
                state.feed.store.jobs[$0]?.status.known.map { $0.isFinal || $0 == .attention } ?? false
            }
    }

    func giveUpUnknown() async throws {
        for job in state.value.feed.store.jobs.values where job.status == .known(.attention) {
            _ = try await ask { try await $0.decide(.giveUp, on: try await $0.job(job.id).job) }
        }
    }

    /// What the phone followed, against a snapshot.
    func settle() async throws -> [String] {
        var found: [String] = []
        var isBehind = true
        while isBehind {
            let cursor = state.value.feed.cursor
            let page = try await ask { try await $0.changes(cursor: cursor) }
            state.change { $0.feed.apply(page, askedWith: cursor) }
            isBehind = page.hasMore || state.value.feed.isCatchingUp
        }
        var fresh = ChangeReducer()
        fresh.apply(try await ask { try await $0.changes() }, askedWith: nil)
        let copy = state.value.feed.store
        if fresh.store.jobs != copy.jobs || fresh.store.videos != copy.videos {
            found.append("user \(number): the feed lost a change")
        }
        if Set(copy.jobs.keys) != state.value.submitted {
            found.append(
                "user \(number): \(state.value.submitted.count) jobs were taken in, \(copy.jobs.count) are there")
        }
        for job in copy.jobs.values where job.status.known?.isFinal != true {
            found.append("user \(number): job \(job.id) is stuck as \(job.status)")
        }
        return found
    }
}
