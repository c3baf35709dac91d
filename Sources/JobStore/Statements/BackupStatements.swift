/// What a backup reads beside the dump, and what makes a restored database safe to work with.
///
/// The latter run in the transaction that restores, before anybody sees a row; `gondola.backup_at` is set there to the
/// moment of the backup. Nothing draws a sequence: the new epoch ends every cursor there is.
enum BackupStatements {
    static let exportSnapshot = Statement("export_snapshot", "select pg_export_snapshot() as name")

    static let facts = Statement(
        "backup_facts",
        """
        select clock_timestamp() as at, epoch, current_setting('server_version') as server_version,
            encode(sealing_key_check, 'hex') as mark,
            (select array_to_json(array_agg(name order by name))::text from schema_migrations) as migrations
        from database_epoch
        """)

    /// Whether the schema holds nothing at all.
    static let isEmpty = Statement(
        "is_empty_database",
        """
        select not exists (
            select from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
        ) as is_empty
        """)

    /// Other sessions of Gondola on this database.
    static let sessions = Statement(
        "gondola_sessions",
        """
        select count(*) as sessions from pg_stat_activity
        where datname = current_database() and application_name like 'gondola%' and pid <> pg_backend_pid()
        """)

    static let epoch = Statement("current_epoch", "select epoch from database_epoch")

    /// Tells this database from every other, of this server and of others.
    static let place = Statement(
        "database_place",
        """
        select format('%s/%s', (select oid from pg_database where datname = current_database()),
            (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint) as place
        """)

    /// A page of the jobs that wait because they may have been paid, after `$1` and `$2`; at most `$3`.
    static let doubtful = Statement(
        "doubtful_jobs",
        """
        select user_id, id from jobs
        where attention_kind in ('restored', 'unknown_outcome') and deleted_at is null
            and (user_id, id) > ($1::uuid, $2::uuid)
        order by user_id, id limit $3
        """)

    /// Beside what is known of the job: its video lies in storage.
    static let noteVideo = Statement(
        "note_stored_video",
        """
        update jobs set revision = revision + 1, updated_at = clock_timestamp(),
            attention_evidence = concat_ws(' ', attention_evidence,
                format('Its video is in storage, as %s: it was paid. Asking again pays for another.', $3::text))
        where user_id = $1 and id = $2 and attention_kind in ('restored', 'unknown_outcome')
        """)

    /// What a restore left to people, and what goes on by itself.
    static let leftovers = Statement(
        "restored_jobs",
        """
        select count(*) filter (where attention_kind = 'restored') as held,
            count(*) filter (where attention_kind = 'unknown_outcome') as unknown,
            count(*) filter (where state in ('accepted', 'quoted', 'submitting')) as unpaid,
            count(*) filter (where state in ('rendering', 'downloading')) as paid
        from jobs
        """)

    /// Any of these may have been submitted after the backup: none is submitted again before a person says so.
    static let holdUnpaid = Statement(
        "hold_unpaid",
        """
        with held as materialized (
            select user_id, id, coalesce(attention_kind, state) as word from jobs
            where state in ('accepted', 'quoted')
                or (attention_kind in ('account_blocked', 'consent_needed') and deleted_at is null)
            for no key update
        ), entered as (
            insert into job_steps (user_id, job_id, state) select user_id, id, 'attention' from held
        )
        update jobs set state = 'attention', attention_kind = 'restored',
            attention_evidence = format(
                'The database came back from a backup of %s. Then the job was %s and not paid; it may have been since.',
                current_setting('gondola.backup_at'), held.word),
            next_action_at = null, leased_by = null, hold = null, outlook = null, setbacks = 0, server_errors = 0,
            revision = revision + 1, updated_at = clock_timestamp()
        from held where (jobs.user_id, jobs.id) = (held.user_id, held.id)
        """)

    /// Those that a person was to decide about may have been decided, and paid, after the backup; and what was found out
    /// about them says nothing of that.
    static let doubtUnknown = Statement(
        "doubt_unknown",
        """
        update jobs set attention_verdict = null, revision = revision + 1, updated_at = clock_timestamp(),
            attention_evidence = format(
                '%s (The database came back from a backup of %s; it may have been decided and paid again since.)',
                attention_evidence, current_setting('gondola.backup_at'))
        where attention_kind = 'unknown_outcome' and deleted_at is null
        """)

    /// The answers to these came after the backup, if they came.
    static let loseSubmitting = Statement(
        "lose_submitting",
        """
        with lost as materialized (
            select user_id, id from jobs where state = 'submitting' for no key update
        ), entered as (
            insert into job_steps (user_id, job_id, state) select user_id, id, 'attention' from lost
        )
        update jobs set state = 'attention', attention_kind = 'unknown_outcome', submitting_token = null,
            attention_evidence = format(
                'The database came back from a backup of %s, when the answer to the submission was still to come.',
                current_setting('gondola.backup_at')),
            next_action_at = null, leased_by = null, outlook = null,
            revision = revision + 1, updated_at = clock_timestamp()
        from lost where (jobs.user_id, jobs.id) = (lost.user_id, lost.id)
        """)

    /// Their last requests end now, and whatever was charged until now may be theirs.
    static let loseAttempts = Statement(
        "lose_attempts",
        """
        with last as materialized (
            select distinct on (attempts.user_id, job_id) attempts.user_id, job_id, attempts.lease_token
            from attempts join jobs on (jobs.user_id, jobs.id) = (attempts.user_id, job_id)
            where attention_kind = 'unknown_outcome' and jobs.deleted_at is null
            order by attempts.user_id, job_id, attempts.lease_token desc
        )
        update attempts set ended_at = clock_timestamp(), outcome = 'lost', reconciliation = null, is_of_lost_time = true
        from last where (attempts.user_id, attempts.job_id, attempts.lease_token) =
            (last.user_id, last.job_id, last.lease_token)
        """)

    /// A worker of the time that is lost, still alive somewhere, holds no lease here: no token of then comes up again, nor
    /// one of another restore of the same backup. Answers lie in journals under them.
    static let fence = Statement(
        "fence_restored",
        """
        update jobs set leased_by = null, lease_token =
            greatest(lease_token + 1000000, (extract(epoch from clock_timestamp()) * 1000)::bigint)
        where next_action_at is not null or state = 'attention'
        """)

    /// Their pieces are in no backup: phones begin them anew.
    static let dropUploads = Statement("drop_uploads", "delete from uploads where finished_at is null")

    /// Counted again.
    static let seats = Statement(
        "recount_seats",
        """
        update users set active_jobs = (
            select count(*) from jobs where jobs.user_id = users.id and next_action_at is not null and state <> 'ready')
        """)

    // Digests are of the other epoch; they come back by themselves.
    static let dropDigestNodes = Statement("drop_digest_nodes", "delete from feed_digest_nodes")
    static let dropDigestEntries = Statement("drop_digest_entries", "delete from feed_digest_entries")
    static let dropDigests = Statement("drop_digests", "delete from feed_digests")

    /// The sealed links of a key that is lost for good.
    static let dropLinks = Statement("drop_links", "update jobs set sealed_link = null where sealed_link is not null")
    static let dropMark = Statement("drop_mark", "update database_epoch set sealing_key_check = null")

    static let hold = [holdUnpaid, doubtUnknown, loseSubmitting, loseAttempts]
    static let settle = [fence, dropUploads, seats, dropDigestNodes, dropDigestEntries, dropDigests]
    static let forgetKey = [dropLinks, dropMark]

    static let all =
        [exportSnapshot, facts, isEmpty, sessions, epoch, place, leftovers, doubtful, noteVideo] + hold + settle
        + forgetKey
}
