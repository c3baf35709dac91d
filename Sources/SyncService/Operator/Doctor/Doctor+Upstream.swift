import Foundation
import HTTPTransport
import JobStore

extension Doctor {
    /// The middle of the question's way is when the server looked at its clock, give or take half of the way.
    func databaseClock() async throws -> CheckResult {
        _ = try await store.serverFacts()
        let begin = Date()
        let theirs = try await store.serverFacts().now
        let end = Date()
        let way = end.timeIntervalSince(begin)
        let ahead = begin.addingTimeInterval(way / 2).timeIntervalSince(theirs)
        return DoctorRules.clock(ahead, of: "the database's", doubt: way / 2)
    }

    /// By the `Date` of an answer, which has whole seconds.
    func upstreamClock() async throws -> CheckResult {
        let http = CurlHTTPClient(configuration.transport)
        defer { http.stop() }
        var request = HTTPRequest("GET", configuration.veniceBaseURL + "/models?type=video")
        (request.timeouts.connect, request.timeouts.firstByte) = (.seconds(5), .seconds(8))
        let begin = Date()
        let response = try await http.send(request)
        let end = Date()
        response.body.close()
        guard let text = response.headers["Date"], let theirs = HTTPDate.date(from: text) else {
            return .warn("the upstream says no time", mend: "nothing, unless a proxy takes its Date away")
        }
        let way = end.timeIntervalSince(begin)
        let ahead = begin.addingTimeInterval(way / 2).timeIntervalSince(theirs.addingTimeInterval(0.5))
        return DoctorRules.clock(ahead, of: "the upstream's", doubt: way / 2 + 0.5)
    }

    func accounts() async -> [CheckResult] {
        guard configuration.hasCredential else {
            return [.warn("no account can pay", mend: "set VENICE_API_KEY, or whatever the workers have")]
        }
        return await configuration.testAccounts().map(DoctorRules.account)
    }
}
