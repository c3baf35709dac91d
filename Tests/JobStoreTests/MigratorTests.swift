import Foundation
import TestSupport
import Testing

@testable import JobStore

@Suite struct MigratorTests {
    private func migration(_ name: String, _ sql: String) -> Migrator.Migration {
        Migrator.Migration(name: name, sql: sql)
    }

    @Test func `the embedded migrations are the files of the folder`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../migrations")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "sql" }.sorted { $0.lastPathComponent < $1.lastPathComponent }
        #expect(files.map(\.lastPathComponent) == Migrator.all.map(\.name))
        for (file, migration) in zip(files, Migrator.all) {
            #expect(try String(contentsOf: file, encoding: .utf8) == migration.sql)
        }
    }

    @Test func `migrating twice does nothing the second time`() async throws {
        try await TestDatabase.with(isMigrated: false) { database async throws in
            let migrator = Migrator(conninfo: database.conninfo)
            let names = Migrator.all.map(\.name)
            #expect(try await migrator.status() == Migrator.Status(applied: [], pending: names))
            #expect(try await migrator.migrate() == names)
            #expect(try await migrator.migrate() == [])
            #expect(try await migrator.status() == Migrator.Status(applied: names, pending: []))
        }
    }

    @Test func `of many that migrate at once one does it and the others wait`() async throws {
        try await TestDatabase.with(isMigrated: false) { database async throws in
            let migrator = Migrator(conninfo: database.conninfo)
            let done = try await (0..<6).concurrently { _ in try await migrator.migrate() }
            #expect(done.flatMap { $0 } == Migrator.all.map(\.name))
        }
    }

    @Test func `a file that was edited after it ran is refused, and nothing runs`() async throws {
        try await TestDatabase.with(isMigrated: false) { database async throws in
            let migrator = Migrator(conninfo: database.conninfo)
            _ = try await migrator.migrate([migration("0001_a.sql", "create table a ()")])
            let edited = [
                migration("0001_a.sql", "create table a (x int)"), migration("0002_b.sql", "create table b ()"),
            ]
            await #expect(throws: Migrator.Failure.changed("0001_a.sql")) { try await migrator.migrate(edited) }
            await #expect(throws: Migrator.Failure.changed("0001_a.sql")) { try await migrator.status(edited) }
            #expect(try await database.sql("select to_regclass('b') is null") == "t")
        }
    }

    @Test func `a database that is newer than the build is refused`() async throws {
        try await TestDatabase.with(isMigrated: false) { database async throws in
            let migrator = Migrator(conninfo: database.conninfo)
            let all = [migration("0001_a.sql", "create table a ()"), migration("0002_b.sql", "create table b ()")]
            _ = try await migrator.migrate(all)
            await #expect(throws: Migrator.Failure.newer("0002_b.sql")) { try await migrator.migrate([all[0]]) }
            await #expect(throws: Migrator.Failure.newer("0002_b.sql")) { try await migrator.status([all[0]]) }
        }
    }

    @Test func `a migration that fails leaves nothing of itself, those before it stay`() async throws {
        try await TestDatabase.with(isMigrated: false) { database async throws in
            let migrator = Migrator(conninfo: database.conninfo)
            let good = migration("0001_a.sql", "create table a ()")
            let bad = migration("0002_b.sql", "create table b (); insert into b select 1/0;")
            await #expect(throws: PostgresError.self) { try await migrator.migrate([good, bad]) }
            #expect(try await database.sql("select to_regclass('a') is null, to_regclass('b') is null") == "f|t")
            #expect(try await database.sql("select name from schema_migrations") == "0001_a.sql")
            let mended = migration("0002_b.sql", "create table b ()")
            #expect(try await migrator.migrate([good, mended]) == ["0002_b.sql"])
        }
    }
}
