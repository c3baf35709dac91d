public import Foundation
import VideoModels

/// What stands before and behind the dump when it is restored, so that all of it is one transaction.
///
/// Whoever looks sees the database as it was, or restored with every job that may have been paid in the lost time held back.
/// There is no moment at which a worker could find such a job and pay for it again.
public struct RestoreScript: Sendable {
    /// The moment of the backup.
    public var backupAt: Date
    /// Migrations that the backup has run.
    public var migrations: [String]
    /// The epoch that begins with it.
    public var epoch: UUID
    /// Whether what is there goes.
    public var isReplacing = false
    /// Whether jobs that were unpaid in the backup wait for a person.
    public var isHolding = true
    /// Whether what the lost key has sealed goes.
    public var isForgettingKey = false
    /// The database that is meant, as `PostgresStore.place()` says: no other is touched.
    public var place: String?
    /// What the rows name and the storage no longer had: deleted since, and deleted here.
    public var absent: [ExpectedObject.Place] = []

    public init(backupAt: Date, migrations: [String], epoch: UUID) {
        (self.backupAt, self.migrations, self.epoch) = (backupAt, migrations, epoch)
    }

    /// Migrations of the backup that this build does not know.
    public var unknownMigrations: [String] {
        migrations.filter { name in !Migrator.all.contains { $0.name == name } }
    }

    /// Before the dump.
    public var head: String {
        """
        \\set ON_ERROR_STOP on
        begin;
        set local statement_timeout = 0;
        set local lock_timeout = '30s';
        \(elsewhere)
        select pg_advisory_xact_lock(\(Migrator.lock));
        \(isReplacing ? "drop schema if exists public cascade;\ncreate schema public;" : refusal)

        """
    }

    /// Variables and files decide for each program where it connects: what must not be replaced is not.
    var elsewhere: String {
        guard let place else { return "" }
        return """
            do $$ begin
                if (\(BackupStatements.place.sql)) <> '\(place)' then
                    raise exception 'psql was led to another database than gondola, which is left as it was';
                end if;
            end $$;
            """
    }

    private var refusal: String {
        """
        do $$ begin
            if not (\(BackupStatements.isEmpty.sql)) then raise exception 'the database is not empty'; end if;
        end $$;
        """
    }

    /// Behind it.
    public var tail: String {
        let statements =
            absentStatements + (isHolding ? BackupStatements.hold : []).map(\.sql) + BackupStatements.settle.map(\.sql)
            + (isForgettingKey ? BackupStatements.forgetKey : []).map(\.sql)
            + ["update database_epoch set epoch = '\(epoch.uuidString.lowercased())'"]
        return """

            set search_path = public;
            set row_security = on;
            set timezone = 'UTC';
            select set_config('gondola.backup_at', '\(Wire.text(of: backupAt))', true);
            \(pending.joined(separator: "\n"))
            \(statements.map { $0 + ";" }.joined(separator: "\n"))
            commit;
            analyze;

            """
    }

    private var pending: [String] {
        Migrator.all.filter { !migrations.contains($0.name) }.map { migration in
            migration.sql + "\ninsert into schema_migrations (name, checksum) values "
                + "('\(migration.name)', '\(migration.checksum)');"
        }
    }

    /// A video without its file is one that was removed; a picture is made again.
    private var absentStatements: [String] {
        guard !absent.isEmpty else { return [] }
        let rows = absent.map { "('\($0.user)'::uuid, '\($0.id.uuidString)'::uuid, '\($0.kind)')" }
        let parts = stride(from: 0, to: rows.count, by: 1000).map { rows[$0..<min($0 + 1000, rows.count)] }
        let inserts = parts.map { "insert into absent values \($0.joined(separator: ", "))" }
        return ["create temporary table absent (user_id uuid, id uuid, kind text) on commit drop"] + inserts + [
            """
            update videos set deleted_at = coalesce(deleted_at, clock_timestamp()), removing_since = clock_timestamp(),
                removed_at = clock_timestamp(), media_due_at = null
            from absent where (videos.user_id, videos.id, 'video') = (absent.user_id, absent.id, absent.kind)
            """,
            """
            delete from video_pictures using absent
            where (video_pictures.user_id, video_id, video_pictures.kind) = (absent.user_id, absent.id, absent.kind)
            """,
            """
            update videos set media_due_at = clock_timestamp(), media_tries = 0 from absent
            where (videos.user_id, videos.id) = (absent.user_id, absent.id) and absent.kind in ('poster', 'preview')
                and removing_since is null
            """,
            """
            update assets set deleted_at = coalesce(deleted_at, clock_timestamp())
            from absent where (assets.user_id, assets.id, 'asset') = (absent.user_id, absent.id, absent.kind)
            """,
        ]
    }
}
