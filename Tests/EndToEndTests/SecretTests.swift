import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VeniceSimulator
import VideoModels

/// Promise 4, its second half: what a run must not tell, it does not tell at any level of its log.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SecretTests {
    /// What stands before the secret of a private link.
    private static let linkPath = "/v1/share/read/"

    /// Words that are nowhere else, in everything that a user gives.
    private static func request() -> VideoRequest {
        var request = Stack.privateRequest()
        request.prompt = "a gondola named Geheimnis-4711"
        return request
    }

    private static func badRequest(_ picture: AssetID) -> VideoRequest {
        var request = Stack.imageRequest(picture)
        request.prompt = "Vertraulich-0815 on a canal"
        request.negativePrompt = "no Verschwiegen-2342"
        request.endImage = .url("https://media.example/Privatfoto-1701.png?signature=Unterschrift-74656")
        return request
    }

    @Test func `nothing that a run was given in confidence is in its log, down to the finest level`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start(["GONDOLA_LOG_LEVEL": "trace"])
            let phone = try stack.phone(gondola)
            let raw = RawPhone(server: gondola.api, token: stack.token.reveal())
            let picture = try await phone.uploadAsset(file: try await stack.picture(), contentType: "image/png")
            let good = try await phone.submit(JobSubmission(request: Self.request()), idempotencyKey: "Schluessel-99")
            let bad = try Wire.encode(JobSubmission(request: Self.badRequest(picture.id)))
            _ = try await raw.ask(
                "POST", "/v1/jobs", String(decoding: bad, as: UTF8.self), [("Idempotency-Key", "Schluessel-98")])
            _ = try await raw.ask("POST", "/v1/quotes", String(decoding: bad, as: UTF8.self))
            let stranger = "gdl_" + String(repeating: "Fremdling", count: 5).prefix(43)
            _ = try await RawPhone(server: gondola.api, token: stranger).ask("GET", "/v1/me")
            _ = try await raw.ask("GET", "/v1/changes?cursor=Lesezeichen-55&token=\(stack.token.reveal())")
            let copy = try await stack.follow(phone) { $0.jobs[good.job.id]?.isOver == true }
            #expect(copy.jobs[good.job.id]?.status == .known(.ready))
            try await gondola.waitFor("cleanedUp", of: good.job.id)
            // The worst that can happen to an answer: the database goes in the middle of a request.
            try await stack.database.sql("alter table assets rename to elsewhere")
            #expect(try await raw.ask("GET", "/v1/assets/\(picture.id)").status == 500)
            try await stack.database.sql("alter table elsewhere rename to assets")
            #expect(await gondola.terminate() == 0)

            let log = gondola.lines.map { "\($0)" }.joined(separator: "\n")
            #expect(log.contains(good.job.id.description), "nothing of the run is in the log")
            #expect(log.contains("request failed"))
            let key = try String(
                contentsOf: stack.directory.appending(path: "state/secret.key"), encoding: .utf8
            ).trimmingCharacters(in: .whitespacesAndNewlines)
            let secrets = [
                stack.token.reveal(), String(stack.token.reveal().dropFirst(4)), "VENICE_INFERENCE_KEY_e2e", key,
                stranger, "Geheimnis-4711", "Vertraulich-0815", "Verschwiegen-2342", "Privatfoto-1701",
                "Unterschrift-74656", "Schluessel-99", "Schluessel-98", "Lesezeichen-55", Self.linkPath,
            ]
            for secret in secrets where log.contains(secret) {
                let line = gondola.lines.first { "\($0)".contains(secret) }
                #expect(Bool(false), "\(secret) is in the log: \(line ?? [:])")
            }
            // Nor does the database keep what only devices and the upstream may know in the clear.
            for column in ["encode(token_hash, 'escape') from devices", "encode(sealed_link, 'escape') from jobs"] {
                let kept = try await stack.database.sql("select \(column)")
                #expect(!kept.contains(stack.token.reveal()) && !kept.contains(Self.linkPath))
            }
        }
    }

    /// Whatever address a user names, nobody here goes there: it is looked at, and passed on to the upstream.
    @Test func `an address that a user gives is never fetched`() async throws {
        try await Stack.with { stack in
            let trap = try SocketServer { _, _ in }
            defer { trap.stop() }
            let gondola = try await stack.start()
            let raw = RawPhone(server: gondola.api, token: stack.token.reveal())
            func body(_ address: String) -> String {
                """
                {"request":{"model":"wan-2.5-preview-image-to-video","prompt":"p","duration":"5s",\
                "resolution":"480p","image":{"url":"\(address)"}}}
                """
            }
            let inside = [
                "http://127.0.0.1:\(trap.port)/a.png", "http://localhost:\(trap.port)/a.png", "http://[::1]/a.png",
                "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/a.png", "file:///etc/passwd",
                "gopher://127.0.0.1/", "ftp://a.example/a.png", "http://user:word@a.example/a.png", "//a.example/a.png",
                "javascript:alert(1)", "http://0x7f000001/a.png", "http://2130706433/a.png",
            ]
            for address in inside {
                for path in ["/v1/jobs", "/v1/quotes"] {
                    let answer = try await raw.ask(
                        "POST", path, body(address), [("Idempotency-Key", UUID().uuidString)])
                    #expect(answer.status == 422, "\(address): \(answer.text)")
                    #expect(answer.problem?.errors?.map(\.field) == ["request.image.url"], "\(address)")
                }
            }
            // What a proxy or a browser would follow is only data here, too.
            let headers = [
                ("X-Forwarded-Host", "127.0.0.1:\(trap.port)"), ("Referer", "http://127.0.0.1:\(trap.port)/"),
            ]
            #expect(try await raw.ask("GET", "/v1/models", nil, headers).status == 200)
            #expect(trap.connections == 0)
            #expect(await gondola.terminate() == 0)
        }
    }
}
