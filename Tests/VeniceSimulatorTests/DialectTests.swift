import Foundation
import Testing

@testable import VeniceSimulator

/// The other spellings of an answer.
struct DialectTests {
    private func spoken(_ dialect: Dialect, of endpoint: Endpoint, by bench: Bench) async throws -> PlainClient.Reply {
        try bench.simulator.inject([Fault(.init(endpoint: endpoint), .dialect(with: dialect))])
        switch endpoint {
        case .quote: return try await bench.post("quote", Sample.quickQuote)
        case .queue: return try await bench.post("queue", Sample.quick)
        default: return try await bench.retrieve(bench.queue(Sample.quick))
        }
    }

    private static let spellings: [(Dialect, Endpoint, key: String, value: JSONValue?)] = [
        (.wordQueued, .retrieve, "status", "queued"), (.wordRunning, .retrieve, "status", "running"),
        (.wordPending, .retrieve, "status", "pending"), (.wordInProgress, .retrieve, "status", "in_progress"),
        (.wordUnknown, .retrieve, "status", "warming_up"), (.statusLower, .retrieve, "status", "processing"),
        (.timingsCamel, .retrieve, "averageExecutionTime", 92_000), (.timingsCamel, .retrieve, "executionDuration", 0),
        (.timingsEstimated, .retrieve, "estimatedDuration", 92_000),
        (.timingsText, .retrieve, "average_execution_time", "92000"),
        (.timingsMissing, .retrieve, "average_execution_time", nil),
        (.timingsMissing, .retrieve, "status", "PROCESSING"), (.extraKeys, .retrieve, "x_null", .null),
        (.statusQueued, .queue, "status", "queued"), (.idLower, .queue, "queue_id", nil),
        (.quoteCurrency, .quote, "currency", "USD"),
    ]

    @Test(arguments: spellings.indices)
    func `an answer is spelled as the dialect says`(_ index: Int) async throws {
        let (dialect, endpoint, key, value) = Self.spellings[index]
        try await Bench.with { bench in
            let reply = try await spoken(dialect, of: endpoint, by: bench)
            #expect(reply.status == 200)
            #expect(reply.json[key] == value, "\(reply.json)")
        }
    }

    @Test(arguments: [(Dialect.idLower, "queueid"), (.idCamel, "queueId"), (.idPlain, "id")])
    func `the id of a job comes under each of its names`(_ dialect: Dialect, _ name: String) async throws {
        try await Bench.with { bench in
            let reply = try await spoken(dialect, of: .queue, by: bench)
            let id = try #require(reply.json[name]?.string)
            #expect(try await bench.simulator.ledger().jobs.map(\.queueID) == [id])
        }
    }

    @Test(arguments: [(Dialect.inlineURL, "url"), (.inlineVideoURL, "video_url"), (.inlineDownloadURL, "download_url")])
    func `a finished job can tell its link in the body, whether or not it had one before`(
        _ dialect: Dialect, _ name: String
    ) async throws {
        try await Bench.with(.set(\.dialects, [dialect])) { bench in
            for body in [Sample.quick, Sample.linked] {
                let job = try await bench.queue(body)
                await bench.finishRendering()
                let reply = try await bench.retrieve(job)
                #expect(reply.json["status"] == "COMPLETED")
                let link = try #require(reply.json[name]?.string)
                if let known = job.link { #expect(link == known) }
                let file = try await bench.client.call("GET", String(link.dropFirst(bench.simulator.baseURL.count)))
                #expect(file.status == 200 && MediaSniffer.isVideo(file.body))
            }
            #expect(try await bench.kinds() == [])
        }
    }

    @Test(
        arguments: [
            (Dialect.videoOctetStream, "application/octet-stream"), (.videoQuickTime, "video/quicktime"),
            (.videoAsJSON, "application/json; charset=utf-8"), (.untyped, nil),
        ] as [(Dialect, String?)])
    func `a video can be labelled as something else and has the same bytes`(_ dialect: Dialect, _ type: String?)
        async throws
    {
        try await Bench.with { bench in
            let job = try await bench.queue(Sample.quick)
            await bench.finishRendering()
            let plain = try await bench.retrieve(job)
            try bench.simulator.inject([Fault(.init(endpoint: .retrieve), .dialect(with: dialect))])
            let odd = try await bench.retrieve(job)
            #expect(odd.headers["content-type"] == type)
            #expect(odd.body == plain.body)
        }
    }

    @Test(arguments: [
        (Dialect.errorObject, #"{"error":{"code":null,"message":"M","type":"api_error"}}"#),
        (.errorMessage, #"{"message":"M"}"#), (.errorRequestID, #"{"error":"M","request_id":"req-0f1e2d3c"}"#),
        (.errorCode, #"{"code":"SOMETHING_ELSE","error":"M"}"#), (.errorText, "M"), (.errorEmpty, ""),
        (.wordRunning, #"{"error":"M"}"#),
    ])
    func `an error comes in each of the shapes`(_ dialect: Dialect, _ text: String) {
        var answer = Answer.error(400, "M")
        dialect.spell(&answer, of: .queue)
        if case .bytes(let bytes) = answer.body {
            #expect(String(decoding: bytes, as: UTF8.self) == text)
        } else {
            Issue.record("an error without a body of bytes")
        }
        #expect(answer.status == 400)
    }

    @Test func `JSON can be labelled as a video or as text`() {
        for (dialect, type) in [(Dialect.jsonAsVideo, "video/mp4"), (.jsonAsText, "text/plain; charset=utf-8")] {
            var answer = Answer.json(200, ["status": "PROCESSING"])
            dialect.spell(&answer, of: .retrieve)
            #expect(answer.header("content-type") == type)
        }
    }

    @Test func `the model list comes sparse, with bare text, and with what nobody knows`() async throws {
        for dialect in [Dialect.modelsSparse, .modelsBareRatio, .modelsNovel] {
            try await Bench.with(.set(\.dialects, [dialect])) { bench in
                let models = try await bench.get("/api/v1/models?type=video").json["data"]?.array ?? []
                let ratios = models.map { $0["model_spec"]?["constraints"]?["aspect_ratios"] }
                switch dialect {
                case .modelsSparse:
                    #expect(models.allSatisfy { $0["created"] == nil && $0["model_spec"]?["name"] == nil })
                case .modelsBareRatio: #expect(ratios.contains("16:9") && ratios.contains { $0?.array?.count == 3 })
                default:
                    #expect(models.count == 117 && models.allSatisfy { $0["model_spec"]?["privacy"] != "anonymized" })
                }
            }
        }
    }

    // MARK: gzip

    private func unzipped(_ bytes: Data) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc"]
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        Thread {
            try? input.fileHandleForWriting.write(contentsOf: bytes)
            try? input.fileHandleForWriting.close()
        }
        .start()
        let plain = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return plain
    }

    @Test(arguments: [0, 1, 65_535, 65_536, 200_000])
    func `what is coded here gzip can read`(_ count: Int) throws {
        let plain = Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
        #expect(try unzipped(Gzip.code(plain)) == plain)
    }

    @Test func `answers are coded for a client that offers it, and for no other`() async throws {
        try await Bench.with { bench in
            let path = "/api/v1/models?type=video"
            let coded = try await bench.get(path, headers: ["Accept-Encoding": "br;q=1.0, gzip;q=0.5"])
            #expect(coded.headers["content-encoding"] == "gzip")
            let plain = try await bench.get(path, headers: ["Accept-Encoding": "gzip;q=0, identity"])
            #expect(plain.headers["content-encoding"] == nil)
            #expect(try unzipped(coded.body) == plain.body)
            let job = try await bench.queue(Sample.linked)
            await bench.finishRendering()
            _ = try await bench.retrieve(job)
            let file = try await bench.client.call("GET", bench.path(job), headers: ["Accept-Encoding": "gzip"])
            #expect(file.headers["content-encoding"] == nil)
        }
    }
}
