import Foundation
import JobStore
import SyncService
import TestSupport
import Testing
import VideoModels

@testable import gondola

struct CommandFailureTests {
    private func problem(_ status: Int, _ code: Problem.Code) -> PhoneClientError {
        .problem(Problem(status: status, code: code, title: "T", detail: "D.", requestID: "r"), retryAfter: nil)
    }

    @Test func `every kind of error has its exit status`() {
        #expect(CommandFailure(problem(401, .unauthenticated))?.status == .refusedCredentials)
        #expect(CommandFailure(problem(422, .validationFailed))?.status == .refusedData)
        #expect(CommandFailure(problem(503, .unavailable))?.status == .unavailable)
        #expect(CommandFailure(PhoneClientError.unreachable("x", nothingSent: true))?.status == .unavailable)
        #expect(CommandFailure(PhoneClientError.invalidServer("x"))?.status == .usage)
        #expect(CommandFailure(PostgresError.unavailable("x"))?.status == .unavailable)
        #expect(CommandFailure(PostgresError.busy)?.status == .failed)
        #expect(CommandFailure(StoreError.nameTaken("x"))?.status == .refusedData)
        #expect(CommandFailure(CocoaError(.fileNoSuchFile)) == nil)
    }

    @Test func `a problem is told in one line that says what to do`() {
        #expect(
            CommandFailure(problem(503, .unavailable))?.message
                == "T: D [unavailable, request r]. Try again in a moment.")
        let asked = PhoneClientError.problem(
            Problem(status: 429, code: .tooManyRequests, title: "Slow\u{1B}[2J"), retryAfter: 6.2)
        #expect(CommandFailure(asked)?.message == "Slow [2J [too_many_requests]. Try again in 7 s.")
    }

    @Test func `findings follow as a table`() {
        let finding = Finding(field: "request.prompt", code: .required, message: "some text is needed")
        let problem = Problem(
            status: 422, code: .validationFailed, title: "The request is not valid", detail: "request.prompt: …",
            errors: [finding])
        let lines = CommandFailure(PhoneClientError.problem(problem, retryAfter: nil))?.message.split(separator: "\n")
        #expect(lines?.first == "The request is not valid [validation_failed]")
        #expect(lines?.count == 3)
    }

    @Test func `a database without tables says how to make them`() {
        let error = PostgresError.refused(state: "42P01", message: "relation \"users\" does not exist")
        #expect(CommandFailure(error)?.message.contains("gondola migrate") == true)
    }
}

struct AnnouncementTests {
    @Test func `it names where the service listens`() throws {
        let announcement = Announcement(api: ListenAddress(host: "::1", port: 80), ops: nil)
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try announcement.write(to: path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == #"{"api":"http://[::1]:80"}"#)
        #expect(throws: CommandFailure.self) { try announcement.write(to: "/nowhere/at/all") }
    }
}
