import Foundation
import TestSupport
import Testing

/// Whether the data can be distributed by user, as Citus does it: a row lives on the node of its user, so a unique index that
/// does not begin with the user cannot be kept there, nor a reference to a row of somebody else.
@Suite struct DistributionTests {
    /// Tables that belong to no user, with what they are. Citus keeps a copy of each on every node.
    private static let shared = [
        "account_failures": "of an account at the upstream", "account_pauses": "of an account at the upstream",
        "database_epoch": "one row for all", "processes": "what runs now",
        "duration_laws": "what was learned of models", "model_catalogues": "of an account at the upstream",
        "model_pauses": "of a model at the upstream", "rate_budgets": "of an account at the upstream",
        "schema_migrations": "of the schema",
    ]

    /// Unique indexes that hold across users. Each would move to a small table of its own, from what is looked up to the
    /// user, distributed by what is looked up.
    private static let acrossUsers = [
        "devices_token_hash_key": "a token is all that a request has before its user is known",
        "jobs_queue_id": "the upstream's name of a job must not be recorded twice, for whomever",
        "users_name_key": "an operator finds users by name",
    ]

    @Test func `every table is a user's or is named as shared, and a user's has the user first in its key`()
        async throws
    {
        try await TestDatabase.with { database async throws in
            let tables = try await database.sql(
                """
                select c.relname, bool_or(a.attname = 'user_id') or c.relname = 'users', coalesce((
                    select b.attname from pg_index i join pg_attribute b on b.attrelid = c.oid and b.attnum = i.indkey[0]
                    where i.indrelid = c.oid and i.indisprimary), '')
                from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace group by c.oid, c.relname
                """
            ).split(separator: "\n").map { $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init) }
            #expect(tables.count > 20)
            for table in tables {
                let isShared = Self.shared[table[0]] != nil
                #expect(isShared == (table[1] == "f"), "\(table[0]) is of a user, or has to be named as shared")
                let first = table[0] == "users" ? "id" : "user_id"
                #expect(isShared || table[2] == first, "the key of \(table[0]) begins with \(table[2])")
            }
        }
    }

    @Test func `every unique index of a user's table begins with the user, but for those that are named`() async throws
    {
        try await TestDatabase.with { database async throws in
            let shared = Self.shared.keys.map { "'\($0)'" }.joined(separator: ", ")
            let others = try await database.sql(
                """
                select n.relname from pg_index i join pg_class n on n.oid = i.indexrelid
                    join pg_class t on t.oid = i.indrelid
                    left join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]
                where i.indisunique and t.relnamespace = 'public'::regnamespace and t.relname not in (\(shared))
                    and a.attname is distinct from case t.relname when 'users' then 'id' else 'user_id' end
                """
            ).split(separator: "\n").map(String.init)
            #expect(Set(others) == Set(Self.acrossUsers.keys))
        }
    }

    @Test func `every reference from a user's row leads to a row of the same user`() async throws {
        try await TestDatabase.with { database async throws in
            let strangers = try await database.sql(
                """
                select c.conname from pg_constraint c
                    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
                    join pg_attribute b on b.attrelid = c.confrelid and b.attnum = c.confkey[1]
                where c.contype = 'f' and (a.attname <> 'user_id' or b.attname not in ('user_id', 'id')
                    or (b.attname = 'id' and c.confrelid <> 'users'::regclass))
                """)
            #expect(strangers == "")
        }
    }
}
