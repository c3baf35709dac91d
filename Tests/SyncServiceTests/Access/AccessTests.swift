import Foundation
import JobLifecycle
import JobStore
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// Tokens at the door: whose, what for, how often, and what happens when they are taken away.
@Suite(.timeLimit(.minutes(10))) struct AccessTests {
    @Test func `only the holder of a token is told what became of it`() async throws {
        try await LocalAPI.with { api in
            let (user, device, token) = try await api.newUser("alice")
            func challenge(_ token: Redacted<String>?, _ headers: [(String, String)] = []) async -> [String?] {
                let answer = await api.ask("GET", "/v1/me", token, headers)
                return ["\(answer.status)", answer.code, answer.headers["www-authenticate"]]
            }
            let unknown = #"Bearer realm="gondola", error="invalid_token", error_description="The token is not known""#
            #expect(await challenge(nil) == ["401", "unauthenticated", #"Bearer realm="gondola""#])
            #expect(await challenge(Redacted("gdl_x")) == ["401", "unauthenticated", unknown])
            for field in ["Basic YTpi", "Bearer", "Bearer \(token.reveal()) x"] {
                #expect(await challenge(nil, [("Authorization", field)])[1] == "unauthenticated")
            }
            // Two fields could be read differently by a proxy in front.
            #expect(await challenge(token, [("Authorization", "Bearer x")])[1] == "unauthenticated")
            #expect(await api.ask("GET", "/v1/me", token).status == 200)

            let brief = try await api.database.store.issueToken(
                user: user, device: DeviceID(at: Date()), name: "brief", lifetime: 3600)
            #expect(await api.ask("GET", "/v1/me", brief).status == 200)
            try await api.database.sql("update devices set expires_at = now() where name = 'brief'")
            api.parts.devices.doubt()
            let expired =
                #"Bearer realm="gondola", error="invalid_token", error_description="The token has expired""#
            #expect(await challenge(brief) == ["401", "token_expired", expired])

            try await api.parts.store.revokeToken(device: device)
            let revoked =
                #"Bearer realm="gondola", error="invalid_token", error_description="The token was revoked""#
            #expect(await challenge(token) == ["401", "token_revoked", revoked])
        }
    }

    /// From the router's own table: a route that is added later is in it by itself.
    @Test func `a token for looking changes nothing, whatever the route`() async throws {
        try await LocalAPI.with { api in
            let (user, device, token) = try await api.newUser("alice", scopes: [.read])
            let other = DeviceID(at: Date())
            _ = try await api.database.store.issueToken(user: user, device: other, name: "other")
            for (method, template) in api.router.routes where ![.get, .options].contains(method) {
                let path = template.replacing("{id}", with: other.description)
                let answer = await api.ask("\(method)", path, token, body: "{}")
                #expect(answer.status == 403, "\(method) \(template)")
                #expect(method == .head || answer.code == "insufficient_scope", "\(method) \(template)")
                let field = #"Bearer realm="gondola", error="insufficient_scope", scope="submit""#
                #expect(answer.headers["www-authenticate"] == field)
            }
            #expect(await api.ask("GET", "/v1/me/devices/\(other)", token).status == 200)
            // Its own access it may give up.
            #expect(await api.ask("DELETE", "/v1/me/devices/\(device)", token).status == 204)
            #expect(await api.ask("GET", "/v1/me", token).code == "token_revoked")
        }
    }

    @Test func `a user sees their limits, spending and devices, and takes a device's access away`() async throws {
        try await LocalAPI.with { api in
            let (user, device, token) = try await api.newUser("alice")
            let other = DeviceID(at: Date())
            let lost = try await api.database.store.issueToken(
                user: user, device: other, name: "lost", scopes: [.read], lifetime: 86_400)
            let me = try Wire.decode(Me.self, from: Data(await api.ask("GET", "/v1/me", token).body))
            #expect(me.id == user && me.name == "alice" && me.device.id == device && me.device.isCurrent)
            #expect(me.limits.activeJobs == 20 && me.limits.activeNow == 0)
            #expect(me.spending.day.spent == .zero && me.spending.day.budget == nil)

            func devices() async throws -> [DeviceInfo] {
                let answer = await api.ask("GET", "/v1/me/devices", token)
                return try Wire.decode([String: [DeviceInfo]].self, from: Data(answer.body))["devices"] ?? []
            }
            #expect(Set(try await devices().map(\.name)) == ["phone", "lost"])
            let found = try #require(try await devices().first { $0.id == other })
            #expect(found.scopes == [.known(.read)] && found.expiresAt != nil && !found.isCurrent)

            #expect(await api.ask("GET", "/v1/me", lost).status == 200)
            #expect(await api.ask("DELETE", "/v1/me/devices/\(other)", token).status == 204)
            #expect(await api.ask("GET", "/v1/me", lost).code == "token_revoked")
            for method in ["GET", "DELETE"] {
                #expect(await api.ask(method, "/v1/me/devices/\(other)", token).status == 404)
            }
            #expect(try await devices().map(\.id) == [device])
        }
    }

    @Test func `a device's budget shows in its limits and spending`() async throws {
        try await LocalAPI.with { api in
            let (user, _, token) = try await api.newUser("alice")
            try await api.database.store.setBudget(
                of: user, to: SpendingLimits(perDay: Money("5"), perMonth: Money("0")))
            try await api.database.sql(
                """
                insert into spending (user_id, period, starts_on, amount)
                values ('\(user)', 'day', (now() at time zone 'UTC')::date, 1.4),
                    ('\(user)', 'month', date_trunc('month', now() at time zone 'UTC')::date, 2)
                """)
            let me = try Wire.decode(Me.self, from: Data(await api.ask("GET", "/v1/me", token).body))
            #expect(me.spending.day.left == Money("3.6") && me.spending.day.budget == Money("5"))
            #expect(me.spending.month.left == .zero && me.spending.month.spent == Money("2"))
        }
    }

    @Test func `a long poll ends in the moment in which its device loses access, wherever that is said`() async throws {
        try await LocalAPI.with {
            $0.feedPollInterval = 3600
        } _: { api in
            let (_, device, token) = try await api.newUser("alice")
            let page = try Wire.decode(ChangePage.self, from: Data(await api.ask("GET", "/v1/changes", token).body))
            async let waiting = api.ask("GET", "/v1/changes?wait=60&cursor=\(page.cursor)", token)
            while api.parts.hub.waiters == 0 { await Task.yield() }
            // By another process's store: it comes as a notification.
            try await api.database.store.revokeToken(device: device)
            let answer = await waiting
            #expect(answer.status == 401 && answer.code == "token_revoked")
        }
    }

    @Test func `a long poll that outlasts its token says that the token has expired`() async throws {
        try await LocalAPI.with {
            $0.feedPollInterval = 3600
        } _: { api in
            let (_, _, token) = try await api.newUser("alice")
            let page = try Wire.decode(ChangePage.self, from: Data(await api.ask("GET", "/v1/changes", token).body))
            async let waiting = api.ask("GET", "/v1/changes?wait=60&cursor=\(page.cursor)", token)
            while api.parts.hub.waiters == 0 { await Task.yield() }
            try await api.database.sql("update devices set expires_at = now() - interval '1 second'")
            await api.parts.devices.check()
            let answer = await waiting
            #expect(answer.status == 401 && answer.code == "token_expired")
            #expect(answer.headers["www-authenticate"]?.contains("has expired") == true)
        }
    }

    @Test func `from the moment on in which a hint may have been missed nothing is believed`() async throws {
        try await LocalAPI.with { api in
            let (_, _, token) = try await api.newUser("alice")
            #expect(await api.ask("GET", "/v1/models", token).status == 200)
            try await api.database.sql("update devices set revoked_at = now()")
            api.parts.hear(.anything)
            #expect(await api.ask("GET", "/v1/models", token).code == "token_revoked")
        }
    }

    @Test func `an address that tries token after token is not looked up any more, and others are`() async throws {
        try await LocalAPI.with { served in
            // No time passes here, however slow the machine is.
            let start = ContinuousClock.now
            var phone = PhoneAPI(served.parts)
            let devices = DeviceSessions(store: served.parts.store, log: served.parts.log, now: { start })
            devices.listen { true }
            phone.door = Door(devices: devices, requestsPerMinute: 1000, requestsAtOnce: 10, now: { start })
            let api = LocalAPI(database: served.database, parts: served.parts, router: phone.router)
            let (user, _, token) = try await api.newUser("alice")
            let tablet = try await api.database.store.issueToken(user: user, device: DeviceID(at: Date()), name: "t")
            #expect(await api.ask("GET", "/v1/models", token, from: "192.0.2.7").status == 200)
            func guess(_ number: Int) -> Redacted<String> { Redacted("gdl_" + String(format: "%043d", number)) }
            for number in 0..<Door.failedTriesPerMinute {
                #expect(await api.ask("GET", "/v1/models", guess(number)).status == 401)
            }
            #expect(await api.ask("GET", "/v1/models", Redacted("nonsense")).status == 401)
            try await api.database.sql("alter table devices rename to elsewhere")
            let refused = await api.ask("GET", "/v1/models", guess(9999))
            #expect(refused.status == 429 && refused.code == "too_many_requests")
            #expect(refused.headers["retry-after"].flatMap(Int.init).map { $0 >= 1 } == true)
            try await api.database.sql("alter table elsewhere rename to devices")
            #expect(await api.ask("GET", "/v1/models", tablet).status == 429)
            // From elsewhere it is let in, and who is believed goes on also at that address.
            #expect(await api.ask("GET", "/v1/models", tablet, from: "192.0.2.7").status == 200)
            #expect(await api.ask("GET", "/v1/models", tablet).status == 200)
        }
    }

    @Test func `a device that asks too often is told when to come back`() async throws {
        try await LocalAPI.with {
            $0.requestsPerMinute = 3
        } _: { api in
            let (user, _, token) = try await api.newUser("alice")
            for left in [2, 1, 0] {
                let answer = await api.ask("GET", "/v1/models", token)
                #expect(answer.status == 200)
                #expect(answer.headers["ratelimit-policy"] == #""device";q=3;w=60"#)
                #expect(answer.headers["ratelimit"]?.hasPrefix(#""device";r=\#(left);t="#) == true)
            }
            let answer = await api.ask("GET", "/v1/models", token)
            #expect(answer.status == 429 && answer.code == "too_many_requests")
            let seconds = try #require(answer.headers["retry-after"].flatMap(Int.init))
            #expect((1...20).contains(seconds))
            // What a refusal costs is counted for nobody else.
            let tablet = try await api.database.store.issueToken(user: user, device: DeviceID(at: Date()), name: "t")
            #expect(await api.ask("GET", "/v1/models", tablet).status == 200)
        }
    }

    @Test func `a device has only so much open at once`() async throws {
        try await LocalAPI.with {
            $0.requestsAtOnce = 1
            $0.feedPollInterval = 3600
        } _: { api in
            let (user, _, token) = try await api.newUser("alice")
            let page = try Wire.decode(ChangePage.self, from: Data(await api.ask("GET", "/v1/changes", token).body))
            async let waiting = api.ask("GET", "/v1/changes?wait=60&cursor=\(page.cursor)", token)
            while api.parts.hub.waiters == 0 { await Task.yield() }
            let second = await api.ask("GET", "/v1/models", token)
            #expect(second.status == 429 && second.code == "too_many_requests")
            #expect(second.headers["retry-after"] == "1")
            // A change ends the wait and gives its place back.
            _ = try await api.database.store.submit(
                JobSubmission(request: .sample), id: JobID(at: Date()), user: user, account: "default")
            #expect(await waiting.status == 200)
            #expect(await api.ask("GET", "/v1/models", token).status == 200)
        }
    }
}
