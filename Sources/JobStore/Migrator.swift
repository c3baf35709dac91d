import Crypto
import Foundation

/// Brings the schema forward: the SQL files of `migrations/`, embedded in the binary, in order, each once.
public struct Migrator: Sendable {
    private let conninfo: String

    public init(conninfo: String) { self.conninfo = conninfo }

    public struct Migration: Hashable, Sendable {
        /// The file's name, for example `0001_initial.sql`.
        public var name: String
        public var sql: String

        /// SHA-256 of the text, in hexadecimal.
        public var checksum: String {
            SHA256.hash(data: Data(sql.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
    }

    public struct Status: Hashable, Sendable {
        public var applied: [String]
        public var pending: [String]
    }

    /// SwiftPM names a file's bytes after the file, with `_` for what cannot stand in a Swift name, a first digit included.
    /// A file must be named here to be embedded; a test compares the list with the folder.
    public static let all = [
        Migration(name: "0001_initial.sql", sql: String(decoding: PackageResources._001_initial_sql, as: UTF8.self)),
        Migration(name: "0002_polling.sql", sql: String(decoding: PackageResources._002_polling_sql, as: UTF8.self)),
        Migration(name: "0003_consent.sql", sql: String(decoding: PackageResources._003_consent_sql, as: UTF8.self)),
        Migration(name: "0004_money.sql", sql: String(decoding: PackageResources._004_money_sql, as: UTF8.self)),
        Migration(name: "0005_limits.sql", sql: String(decoding: PackageResources._005_limits_sql, as: UTF8.self)),
        Migration(name: "0006_engine.sql", sql: String(decoding: PackageResources._006_engine_sql, as: UTF8.self)),
        Migration(name: "0007_feed.sql", sql: String(decoding: PackageResources._007_feed_sql, as: UTF8.self)),
        Migration(name: "0008_access.sql", sql: String(decoding: PackageResources._008_access_sql, as: UTF8.self)),
        Migration(name: "0009_content.sql", sql: String(decoding: PackageResources._009_content_sql, as: UTF8.self)),
        Migration(name: "0010_media.sql", sql: String(decoding: PackageResources._010_media_sql, as: UTF8.self)),
        Migration(name: "0011_admin.sql", sql: String(decoding: PackageResources._011_admin_sql, as: UTF8.self)),
        Migration(name: "0012_backup.sql", sql: String(decoding: PackageResources._012_backup_sql, as: UTF8.self)),
        Migration(
            name: "0013_processes.sql", sql: String(decoding: PackageResources._013_processes_sql, as: UTF8.self)),
        Migration(name: "0014_keeping.sql", sql: String(decoding: PackageResources._014_keeping_sql, as: UTF8.self)),
    ]

    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// A migration was edited after it had run.
        case changed(String)
        /// The database has run a migration that this build does not know.
        case newer(String)

        public var description: String {
            switch self {
            case .changed(let name): "migration \(name) was edited after it had been applied; restore the file"
            case .newer(let name):
                "the database has migration \(name), which this build does not know; install a newer gondola"
            }
        }
    }

    /// Applies what is pending, each file in a transaction of its own, and returns their names.
    ///
    /// An advisory lock lets one process at a time do it; the others wait and find nothing left. A transaction holds it, on
    /// a connection beside the one that works: a session's lock would mean nothing through a pooler.
    public func migrate(_ migrations: [Migration] = Migrator.all) async throws -> [String] {
        try await onThread { [conninfo] connection in
            let holder = try Connection(conninfo, applicationName: "gondola migrate lock")
            try Self.takeTurn(holder)
            defer { try? holder.run("rollback") }
            try connection.run(Self.table)
            let pending = try Self.pending(of: migrations, on: connection)
            for migration in pending { try Self.apply(migration, on: connection) }
            return pending.map(\.name)
        }
    }

    /// Throws like `migrate`, and changes nothing.
    public func status(_ migrations: [Migration] = Migrator.all) async throws -> Status {
        try await onThread { connection in
            let exists = try connection.execute(
                Statement("has_migrations", "select to_regclass('schema_migrations') is not null as found"))
            guard try exists.first({ try $0.bool("found") }) == true else {
                return Status(applied: [], pending: migrations.map(\.name))
            }
            let pending = try Self.pending(of: migrations, on: connection).map(\.name)
            return Status(applied: migrations.map(\.name).filter { !pending.contains($0) }, pending: pending)
        }
    }

    /// Any number that nothing else in the database locks: "gondola" in ASCII.
    static let lock = 0x67_6F_6E_64_6F_6C_61
    /// A large table takes its time, and so may whoever migrates first.
    private static let patience = "set local lock_timeout = 0; set local statement_timeout = 0"
    private static let table = """
        create table if not exists schema_migrations (
            name text primary key, checksum text not null, applied_at timestamptz not null default now())
        """

    private static func pending(of migrations: [Migration], on connection: Connection) throws -> [Migration] {
        let rows = try connection.execute(
            Statement("applied_migrations", "select name, checksum from schema_migrations order by name"))
        let applied = Dictionary(
            try rows.map { (try $0.text("name"), try $0.text("checksum")) }, uniquingKeysWith: { first, _ in first })
        for migration in migrations {
            if let checksum = applied[migration.name], checksum != migration.checksum {
                throw Failure.changed(migration.name)
            }
        }
        let known = Set(migrations.map(\.name))
        if let stranger = applied.keys.filter({ !known.contains($0) }).min() { throw Failure.newer(stranger) }
        return migrations.filter { applied[$0.name] == nil }
    }

    /// Asks again and again rather than waiting inside the server: all of a pooler's connections could be in use by those
    /// who wait for the one that has the lock and needs one more.
    private static func takeTurn(_ holder: Connection) throws {
        let ask = Statement("migration_lock", "select pg_try_advisory_xact_lock(\(lock)) as taken")
        while true {
            try holder.run("begin; set local idle_in_transaction_session_timeout = 0")
            if try holder.execute(ask).first({ try $0.bool("taken") }) == true { return }
            try holder.run("rollback")
            Thread.sleep(forTimeInterval: 0.1)
        }
    }

    private static func apply(_ migration: Migration, on connection: Connection) throws {
        try connection.run("begin; \(patience)")
        do {
            try connection.run(migration.sql)
            try connection.execute(
                Statement("record_migration", "insert into schema_migrations (name, checksum) values ($1, $2)"),
                [.text(migration.name), .text(migration.checksum)])
            try connection.run("commit")
        } catch {
            try? connection.run("rollback")
            throw error
        }
    }

    private func onThread<T: Sendable>(_ body: @escaping @Sendable (Connection) throws -> T) async throws -> T {
        let pool = ConnectionPool(conninfo: conninfo, connections: 1, applicationName: "gondola migrate")
        defer { pool.stop() }
        return try await pool.run(body)
    }
}
