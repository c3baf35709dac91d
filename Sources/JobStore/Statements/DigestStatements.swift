/// The digest of a user's feed. All of it runs under the lock on the user's row of `feed_digests`.
enum DigestStatements {
    static let open = Statement(
        "open_digest",
        "insert into feed_digests (user_id) select id from users where id = $1 on conflict (user_id) do nothing")

    static let lock = Statement("lock_digest", "select sequence from feed_digests where user_id = $1 for update")

    /// What has changed after `$2`, at most `$3`, oldest first; and how far the feed goes. One statement, so that all of it
    /// is of one moment. A row without a kind stands for no change.
    static let changes = Statement(
        "digest_changes",
        """
        select users.change_sequence as last, change.* from users left join lateral (
            select * from (
                (select 'job' as kind, id, change_sequence as sequence, deleted_at is not null as is_gone from jobs
                where user_id = users.id and change_sequence > $2 order by change_sequence limit $3)
                union all
                (select 'video', id, change_sequence, deleted_at is not null from videos
                where user_id = users.id and change_sequence > $2 order by change_sequence limit $3)
                union all select 'settings', users.id, users.settings_sequence, false where users.settings_sequence > $2
                union all select 'spending', users.id, users.spending_sequence, false where users.spending_sequence > $2
            ) as found order by sequence limit $3
        ) as change on true
        where users.id = $1 order by change.sequence
        """)

    /// At which versions objects, `$2` kinds and `$3` ids, are counted.
    static let counted = Statement(
        "digest_counted",
        """
        select entry.kind, entry.id, entry.sequence from unnest($2::text[], $3::uuid[]) as wanted (kind, id)
        join feed_digest_entries as entry
            on entry.user_id = $1 and entry.kind = wanted.kind and entry.id = wanted.id
        """)

    /// Takes away at most `$2` of those whose tombstones are gone.
    static let forget = Statement(
        "digest_forget",
        """
        delete from feed_digest_entries as entry using (
            select kind, id from feed_digest_entries where user_id = $1 and is_forgotten limit $2
        ) as old
        where entry.user_id = $1 and entry.kind = old.kind and entry.id = old.id
        returning entry.kind, entry.id, entry.sequence
        """)

    /// Takes away `$2` kinds and `$3` ids, and counts `$4` kinds, `$5` ids, `$6` places at `$7` versions.
    static let count = Statement(
        "digest_count",
        """
        with gone as (
            delete from feed_digest_entries as entry using unnest($2::text[], $3::uuid[]) as old (kind, id)
            where entry.user_id = $1 and entry.kind = old.kind and entry.id = old.id
        )
        insert into feed_digest_entries (user_id, kind, id, place, sequence)
        select $1, living.* from unnest($4::text[], $5::uuid[], $6::text[], $7::bigint[]) as living
        on conflict (user_id, kind, id) do update set sequence = excluded.sequence
        """)

    static let nodes = Statement(
        "digest_nodes",
        "select prefix, count, digest from feed_digest_nodes where user_id = $1 and prefix = any($2::text[])")

    /// Takes away the nodes `$2`, and writes `$3` prefixes with `$4` counts and `$5` digests.
    static let sum = Statement(
        "digest_sum",
        """
        with empty as (delete from feed_digest_nodes where user_id = $1 and prefix = any($2::text[]))
        insert into feed_digest_nodes (user_id, prefix, count, digest)
        select $1, node.* from unnest($3::text[], $4::integer[], $5::text[]) as node
        on conflict (user_id, prefix) do update set count = excluded.count, digest = excluded.digest
        """)

    static let advance = Statement("advance_digest", "update feed_digests set sequence = $2 where user_id = $1")

    /// All that is counted with a place from `$2` to below `$3`.
    static let entries = Statement(
        "digest_entries",
        """
        select kind, id, sequence from feed_digest_entries where user_id = $1 and place >= $2 and place < $3
        order by place, kind, id
        """)

    static let all = [open, lock, changes, counted, forget, count, nodes, sum, advance, entries]
}
