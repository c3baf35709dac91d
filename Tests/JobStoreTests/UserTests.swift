import Foundation
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct UserTests {
    @Test func `a user is found by id and by name`() async throws {
        try await TestDatabase.with { database in
            let name = "Åsa O'Neill; drop table users"
            let added = try await database.store.addUser(named: name, id: .sample(3))
            #expect(try await database.store.user(name) == added.id)
            #expect(try await database.store.user(added.id.description) == added.id)
            await #expect(throws: StoreError.notFound) { try await database.store.user("nobody") }
            #expect(try await database.store.users(limit: 10) == [added])
        }
    }

    @Test func `a name is taken once, and an empty one is refused`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.store.addUser(named: "ann", id: .sample(1))
            await #expect(throws: StoreError.nameTaken("ann")) {
                try await database.store.addUser(named: "ann", id: .sample(2))
            }
            for name in ["", String(repeating: "x", count: 201)] {
                await #expect(throws: PostgresError.self) {
                    try await database.store.addUser(named: name, id: .sample(3))
                }
            }
        }
    }

    @Test func `a token opens the door of its user, and only its hash is kept`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            let token = try await database.store.issueToken(user: user, device: .sample(2), name: "phone")
            let text = token.reveal()
            #expect(text.hasPrefix("gdl_") && text.count == 47)
            let found = ValidToken(user: user, device: .sample(2), scopes: [.read, .submit], isNews: true)
            #expect(try await database.store.authenticate(token) == .valid(found))
            let dump = try await database.sql("select devices::text, encode(token_hash, 'escape') from devices")
            #expect(!dump.contains(text.dropFirst(4)))
            for wrong in ["", "gdl_", String(text.dropLast()), text + "A", text.uppercased()] {
                #expect(try await database.store.authenticate(Redacted(wrong)) == nil)
            }
            await #expect(throws: StoreError.notFound) {
                try await database.store.issueToken(user: .sample(9), device: .sample(3), name: "phone")
            }
        }
    }

    @Test func `a revoked token stops at once, others go on`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            let lost = try await database.store.issueToken(user: user, device: .sample(2), name: "lost phone")
            let kept = try await database.store.issueToken(user: user, device: .sample(3), name: "tablet")
            #expect(try await database.store.revokeToken(device: .sample(2)) == "lost phone")
            #expect(try await database.store.authenticate(lost) == .revoked(user: user, device: .sample(2)))
            guard case .valid = try await database.store.authenticate(kept) else {
                return #expect(Bool(false), "the other device lost its access")
            }
            await #expect(throws: StoreError.notFound) { try await database.store.revokeToken(device: .sample(2)) }
            let devices = try await database.store.devices(of: user, limit: 10)
            #expect(devices.map(\.name) == ["lost phone", "tablet"])
            #expect(devices.map { $0.revokedAt == nil } == [false, true])
            #expect(try await database.store.devices(of: .sample(9), limit: 10) == [])
            #expect(try await database.store.users(limit: 1).first?.devices == 1)
        }
    }

    @Test func `an asset is its user's alone`() async throws {
        try await TestDatabase.with { database in
            let user = try await database.addUser()
            let asset = try await database.addAsset(.sample(5), user: user, key: "assets/5", bytes: 7)
            #expect(try await database.store.asset(.sample(5), user: user) == Stored(object: asset, key: "assets/5"))
            await #expect(throws: StoreError.notFound) {
                try await database.store.asset(.sample(5), user: .sample(2))
            }
            await #expect(throws: StoreError.notFound) { try await database.store.videoFile(.sample(), user: user) }
        }
    }
}
