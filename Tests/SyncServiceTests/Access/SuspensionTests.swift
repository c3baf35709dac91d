import Foundation
import JobStore
import TestSupport
import Testing
import VideoModels

@testable import SyncService

/// A user who is shut out, and let in again.
@Suite(.timeLimit(.minutes(10))) struct SuspensionTests {
    @Test func `a suspended user is refused with a word of its own, whatever the route, and nobody else is`()
        async throws
    {
        try await LocalAPI.with { api in
            let (user, device, token) = try await api.newUser("alice")
            let (_, _, other) = try await api.newUser("bob")
            #expect(await api.ask("GET", "/v1/me", token).status == 200)
            // By another process's store: it comes as a notification.
            _ = try await api.database.store.suspend(user, reason: "by mail")
            while await api.ask("GET", "/v1/me", token).status == 200 { await Task.yield() }
            for (method, template) in api.router.routes
            where method != .options && !template.hasPrefix(PhoneAPI.linkPath) {
                let path = template.replacing("{id}", with: device.description)
                let answer = await api.ask("\(method)", path, token, body: method == .get ? nil : "{}")
                #expect(answer.status == 403, "\(method) \(template)")
                #expect(method == .head || answer.code == "user_suspended", "\(method) \(template)")
                #expect(answer.headers["www-authenticate"] == nil)
            }
            #expect(await api.ask("GET", "/v1/me", other).status == 200)
            #expect(try await api.database.store.resume(user))
            #expect(await api.ask("GET", "/v1/me", token).status == 200)
        }
    }

    @Test func `a long poll ends in the moment in which its user is shut out`() async throws {
        try await LocalAPI.with {
            $0.feedPollInterval = 3600
        } _: { api in
            let (user, _, token) = try await api.newUser("alice")
            let page = try Wire.decode(ChangePage.self, from: Data(await api.ask("GET", "/v1/changes", token).body))
            async let waiting = api.ask("GET", "/v1/changes?wait=60&cursor=\(page.cursor)", token)
            while api.parts.hub.waiters == 0 { await Task.yield() }
            _ = try await api.database.store.suspend(user, reason: nil)
            let answer = await waiting
            #expect(answer.status == 403 && answer.code == "user_suspended")
        }
    }

    @Test func `who has missed the news looks by itself`() async throws {
        try await LocalAPI.with {
            $0.feedPollInterval = 3600
        } _: { api in
            let (_, _, token) = try await api.newUser("alice")
            let page = try Wire.decode(ChangePage.self, from: Data(await api.ask("GET", "/v1/changes", token).body))
            async let waiting = api.ask("GET", "/v1/changes?wait=60&cursor=\(page.cursor)", token)
            while api.parts.hub.waiters == 0 { await Task.yield() }
            try await api.database.sql("update users set suspended_at = now()")
            await api.parts.devices.check()
            let answer = await waiting
            #expect(answer.status == 403 && answer.code == "user_suspended")
        }
    }

    @Test func `a newer list of models is read by every process that hears of it`() async throws {
        try await LocalAPI.with { api in
            #expect(api.parts.models.all.count == 1)
            try await api.database.store.save([], account: api.parts.configuration.veniceAccount)
            try await api.database.store.tellOfModels()
            while api.parts.models.isLoaded { await Task.yield() }
            #expect(api.parts.models.all.isEmpty)
        }
    }
}
