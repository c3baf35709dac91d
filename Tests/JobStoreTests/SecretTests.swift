import Crypto
import Foundation
import TestSupport
import Testing
import VideoModels

@testable import JobStore

@Suite struct SecretBoxTests {
    private static func key(_ byte: UInt8) -> Data { Data(repeating: byte, count: 32) }
    private static func box(_ bytes: UInt8...) throws -> SecretBox {
        try #require(SecretBox(keys: bytes.map(key)))
    }

    @Test func `the first key seals, and every key of the ring opens`() throws {
        let sealed = try Self.box(1).seal(Redacted("hunter2"), for: "job")
        #expect(SecretBox.keyID(of: sealed) == (try Self.box(1).keyIDs[0]))
        #expect(try Self.box(2, 3, 1).open(sealed, for: "job").reveal() == "hunter2")
        #expect(throws: PostgresError.self) { try Self.box(2, 3).open(sealed, for: "job") }
        #expect(throws: PostgresError.self) { try Self.box(1).open(sealed, for: "another") }
        let anew = try Self.box(2, 1).seal(Redacted("hunter2"), for: "job")
        #expect(throws: PostgresError.self) { try Self.box(1).open(anew, for: "job") }
    }

    @Test func `what was sealed before keys had ids opens, also where its nonce looks like an id`() throws {
        for nonce in [[UInt8](repeating: 9, count: 12), try Self.box(1).head + [0, 0, 0, 0, 0, 0]] {
            let sealed = try #require(
                try AES.GCM.seal(
                    Data("hunter2".utf8), using: SymmetricKey(data: Self.key(1)), nonce: AES.GCM.Nonce(data: nonce),
                    authenticating: Data("job".utf8)
                ).combined)
            #expect(try Self.box(2, 1).open(Array(sealed), for: "job").reveal() == "hunter2")
        }
    }

    @Test func `a value that was cut or changed does not open`() throws {
        let sealed = try Self.box(1).seal(Redacted("hunter2"), for: "job")
        for count in 0..<sealed.count {
            #expect(throws: PostgresError.self) { try Self.box(1).open(Array(sealed.prefix(count)), for: "job") }
        }
        for place in sealed.indices {
            var changed = sealed
            changed[place] ^= 1
            #expect(throws: PostgresError.self) { try Self.box(1).open(changed, for: "job") }
        }
    }

    @Test func `a ring holds one to sixteen different keys of 32 bytes`() {
        #expect(SecretBox(keys: []) == nil)
        #expect(SecretBox(keys: [Self.key(1), Self.key(1)]) == nil)
        #expect(SecretBox(keys: [Self.key(1), Data(repeating: 2, count: 31)]) == nil)
        #expect(SecretBox(keys: (1...16).map(Self.key)) != nil)
        #expect(SecretBox(keys: (1...17).map(Self.key)) == nil)
    }
}

@Suite struct SecretStoreTests {
    private func store(_ database: TestDatabase, keys: [UInt8]) -> PostgresStore {
        PostgresStore(
            conninfo: database.conninfo,
            secrets: SecretBox(keys: keys.map { Data(repeating: $0, count: 32) }),
            connections: 2, log: database.store.log)
    }

    private func with(_ store: PostgresStore, _ body: (PostgresStore) async throws -> Void) async throws {
        let result: Result<Void, any Error>
        do { result = .success(try await body(store)) } catch { result = .failure(error) }
        await store.close()
        try result.get()
    }

    @Test func `a new key takes over: what is sealed is sealed anew, batch by batch, and opens as before`() async throws
    {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            for number in 1...5 {
                try await database.submit(UInt64(number))
                _ = try await database.sql(
                    """
                    update jobs set state = 'rendering', price = 1, queue_id = 'q-\(number)', venice_model = 'm',
                        submitted_at = now() where queue_id is null
                    """)
            }
            try await with(store(database, keys: [7])) { old in
                let fits = try await old.sharesSealingKey()
                #expect(fits)
                for job in try await old.jobs(JobFilter(), limit: 10).map(\.record.id) {
                    let sealed = try old.secrets!.seal(Redacted("https://a.example/\(job)"), for: "\(job)")
                    let hex = sealed.map { String(format: "%02x", $0) }.joined()
                    _ = try await database.sql("update jobs set sealed_link = '\\x\(hex)' where id = '\(job)'")
                }
            }
            let before = try await database.sql("select md5(sealed_link) from jobs")
            try await with(store(database, keys: [8, 7])) { ring in
                // The database's mark is of a key of the ring, so a process with it starts.
                let (fits, sealed) = (try await ring.sharesSealingKey(), try await ring.sealedSecrets())
                #expect(fits && sealed.map(\.secrets) == [5])
                let counts = [try await ring.resealSecrets(batch: 2), try await ring.resealSecrets(batch: 2)]
                #expect(counts == [5, 0])
                let (anew, id) = (try await ring.sealedSecrets(), try await ring.sealingKeyID())
                #expect(anew == [SealedSecrets(keyID: id, secrets: 5)] && id == ring.secrets?.keyIDs[0])
            }
            #expect(try await database.sql("select md5(sealed_link) from jobs") != before)
            try await with(store(database, keys: [7])) { old in
                let fits = try await old.sharesSealingKey()
                #expect(!fits)
            }
            try await with(store(database, keys: [8])) { new in
                let fits = try await new.sharesSealingKey()
                #expect(fits)
                try await database.makeAllDue()
                let claimed = try await new.claim(limit: 10, lease: 60, worker: "w")
                #expect(claimed.count == 5)
                for job in claimed { #expect(job.rendering?.link?.reveal() == "https://a.example/\(job.id)") }
            }
        }
    }

    @Test func `a secret that no key opens stays as it is, and is told`() async throws {
        try await TestDatabase.with { database in
            _ = try await database.addUser()
            try await database.submit(1)
            _ = try await database.sql(
                """
                update jobs set state = 'rendering', price = 1, queue_id = 'q', venice_model = 'm', submitted_at = now(),
                    sealed_link = '\\x67310102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'
                """)
            try await with(store(database, keys: [7])) { store in
                await #expect(throws: PostgresError.self) { try await store.resealSecrets() }
                let sealed = try await store.sealedSecrets()
                #expect(sealed == [SealedSecrets(keyID: "01020304", secrets: 1)])
            }
        }
    }
}
