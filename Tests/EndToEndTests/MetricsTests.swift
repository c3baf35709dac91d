import Foundation
import HTTPTransport
import StackSupport
import SyncService
import TestSupport
import Testing
import VideoModels

/// What monitoring sees of a process that has worked.
@Suite(.timeLimit(.minutes(10))) struct MetricsTests {
    /// The lines of one scrape.
    private func scrape(_ gondola: GondolaProcess) async throws -> [String] {
        let answer = try await RawPhone(server: gondola.ops, token: "").ask("GET", "/metrics")
        #expect(answer.status == 200)
        #expect(answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        return String(decoding: answer.body, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// One for which the database answered in time, which on a busy machine the first may not be.
    private func wholeScrape(_ gondola: GondolaProcess) async throws -> [String] {
        while true {
            let lines = try await scrape(gondola)
            if lines.contains("gondola_database_up 1") { return lines }
        }
    }

    @Test func `a scrape tells what the process has done, and nothing of whom or what it was for`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start(["GONDOLA_SPENDING_CAP_PER_DAY": "100"])
            let phone = try stack.phone(gondola)
            let job = try await phone.submit(
                JobSubmission(request: Stack.textRequest("a secret wish")), idempotencyKey: "1"
            ).job.id
            try await gondola.waitFor("videoStored", of: job)
            try await gondola.waitFor("cleanedUp", of: job)
            let lines = try await wholeScrape(gondola)
            for line in [
                "gondola_jobs_accepted_total 1", "gondola_job_events_total{event=\"videoStored\"} 1",
                "gondola_job_events_total{event=\"submissionAccepted\"} 1", "gondola_job_ready_seconds_count 1",
                "gondola_detection_lag_seconds_count 1", "gondola_job_polls_count 1", "gondola_database_up 1",
                "gondola_job_step_duration_seconds_count{step=\"submit\"} 1", "gondola_storage_ok 1",
                "gondola_breaker_state{account=\"default\",state=\"closed\"} 1",
                "gondola_upstream_answers_total{endpoint=\"queue\",status=\"2xx\"} 1", "gondola_feed_clients 0",
                "gondola_spending_cap_dollars{period=\"day\"} 100", "gondola_jobs{state=\"attention\"} 0",
                "gondola_http_requests_total{status=\"2xx\"} 1",
            ] { #expect(lines.contains(line), "\(line) is not in:\n\(lines.joined(separator: "\n"))") }
            let text = lines.joined(separator: "\n")
            for secret in [job.description, stack.user.description, "secret wish", "wan-2.5", stack.token.reveal()] {
                #expect(!text.contains(secret), "\(secret)")
            }
            let loops = lines.compactMap { $0.wholeMatch(of: /gondola_loop_rounds_total\{loop="(.+)"\} .+/)?.1 }.map(
                String.init)
            #expect(
                Set(loops).isSuperset(of: [
                    "claims", "renewals", "polls", "submissions", "admissions", "feed", "devices", "models", "storage",
                    "register",
                ]), "\(loops)")
            try await check(lines)
            let health = try await RawPhone(server: gondola.ops, token: "").ask("GET", "/healthz")
            #expect(health.status == 200 && health.text.contains("\"claims\":\"ok\""))
        }
    }

    /// By Prometheus's own tool where there is one, which `Tests/scripts/promtool` sees to.
    private func check(_ lines: [String]) async throws {
        let name = /(# (HELP|TYPE) )?([a-z_]+)(_bucket|_sum|_count)?(\{([a-z_]+="[^"]*",?)+\})?( .*)/
        for line in lines { #expect(line.wholeMatch(of: name) != nil, "\(line)") }
        guard let tool = Self.promtool else { return }
        let text = lines.joined(separator: "\n") + "\n"
        let verdict = try await CommandRun.run(tool, ["check", "metrics"], input: text)
        #expect(verdict.status == 0, "\(verdict.output)")
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")

    private static var promtool: URL? {
        [root.appending(path: ".build/promtool/usr/bin/promtool"), URL(fileURLWithPath: "/usr/bin/promtool")]
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }

    @Test func `rules and dashboard ask for metrics that exist, and for labels that they have`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start(["GONDOLA_SPENDING_CAP_PER_DAY": "100"])
            let lines = try await wholeScrape(gondola)
            let names = Set(
                lines.compactMap { line in
                    line.firstMatch(of: /^[a-z_]+/).map { String($0.0) }
                })
            let labels = Set(lines.flatMap { $0.matches(of: /([a-z_]+)="/).map { String($0.1) } })
            for file in ["deploy/prometheus/gondola.rules.yml", "deploy/grafana/gondola.json"] {
                let text = try String(contentsOf: Self.root.appending(path: file), encoding: .utf8)
                let used = Set(text.matches(of: /\b(gondola_[a-z_]+|process_[a-z_]+)\b/).map { String($0.1) })
                #expect(used.count > 10, "\(file) asks for nothing")
                #expect(used.subtracting(names).isEmpty, "\(file) asks for \(used.subtracting(names))")
                let asked = Set(
                    text.matches(of: /by \(([a-z_, ]+)\)/).flatMap { $0.1.split(separator: ", ") }.map(String.init))
                #expect(asked.subtracting(labels).subtracting(["instance", "job"]).isEmpty, "\(file): \(asked)")
            }
        }
    }

    @Test func `the operator's guide names every metric, and none that there is not`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let families = try await wholeScrape(gondola).compactMap { line in
                line.firstMatch(of: /^. TYPE (gondola_[a-z_]+) .+/).map { String($0.1) }
            }
            let guide = try String(contentsOf: Self.root.appending(path: "docs/operating.md"), encoding: .utf8)
            let named = guide.matches(of: /`(gondola_[a-z_]+)[`{]/).map { String($0.1) }
            #expect(Set(named) == Set(families))
            #expect(Set(families).count == families.count)
        }
    }

    @Test func `every line of the log says which request or trace it is of, and which job`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let raw = RawPhone(server: gondola.api, token: stack.token.reveal())
            let body = String(
                decoding: try Wire.encode(JobSubmission(request: Stack.textRequest())), as: UTF8.self)
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let answer = try await raw.ask(
                "POST", "/v1/jobs", body,
                [
                    ("Idempotency-Key", "k"), ("X-Request-ID", "r-1"),
                    ("traceparent", "00-\(trace)-00f067aa0ba902b7-01"),
                ])
            let job = try Wire.decode(JobDetail.self, from: Data(answer.body)).job.id
            let line = try await gondola.line { $0["message"] == "job accepted" }
            #expect(line["request_id"] == "r-1" && line["trace_id"] == trace && line["job_id"] == job.description)
            try await gondola.waitFor("videoStored", of: job)
            #expect(gondola.lines.allSatisfy { $0["event"] == nil || $0["job_id"] == job.description })
        }
    }

    @Test func `a database that is away is told by the metrics and stops no scrape`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            try await stack.database.sql(
                "alter table jobs rename to jobs_away")
            let lines = try await scrape(gondola)
            #expect(lines.contains("gondola_database_up 0"), "\(lines)")
            #expect(lines.contains { $0.hasPrefix("gondola_loop_age_seconds{") })
            try await stack.database.sql("alter table jobs_away rename to jobs")
        }
    }
}
