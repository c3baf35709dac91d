/// What nobody needs any more, a bounded batch a statement. Ages are seconds, in the database's time.
enum RetentionStatements {
    static let pruneKeys = Statement(
        "prune_idempotency_keys",
        """
        delete from idempotency_keys using (
            select user_id, key from idempotency_keys
            where created_at < clock_timestamp() - $1::double precision * interval '1 second'
            order by created_at limit $2 for update skip locked
        ) as old
        where idempotency_keys.user_id = old.user_id and idempotency_keys.key = old.key
        """)

    /// Forgets tombstones of videos whose files are gone. In the same transaction the floor of their users' feeds rises: an
    /// older cursor would miss them.
    static let pruneVideos = Statement(
        "prune_videos",
        """
        with gone as materialized (
            select user_id, id, change_sequence from videos
            where deleted_at < clock_timestamp() - $1::double precision * interval '1 second' and removed_at is not null
            order by deleted_at limit $2 for update skip locked
        ), \(raised), \(forgotten(kind: "video")), pruned as (
            delete from videos using gone where videos.user_id = gone.user_id and videos.id = gone.id
        )
        select count(*) as pruned from gone
        """)

    /// Forgets deleted jobs, with their steps and attempts, and raises the floors likewise. Not those that are still under
    /// way, wait for a person, or have a video; and never what the ledger says of them.
    static let pruneJobs = Statement(
        "prune_jobs",
        """
        with gone as materialized (
            select user_id, id, change_sequence from jobs
            where greatest(deleted_at, updated_at) < clock_timestamp() - $1::double precision * interval '1 second'
                and deleted_at < clock_timestamp() - $1::double precision * interval '1 second'
                and next_action_at is null and state in ('ready', 'failed', 'cancelled')
                and not exists (select from videos where videos.user_id = jobs.user_id and videos.job_id = jobs.id)
            order by deleted_at limit $2 for update skip locked
        ), \(raised), \(forgotten(kind: "job")), steps as (
            delete from job_steps using gone where job_steps.user_id = gone.user_id and job_steps.job_id = gone.id
        ), tries as (
            delete from attempts using gone where attempts.user_id = gone.user_id and attempts.job_id = gone.id
        ), keys as (
            delete from idempotency_keys using gone
            where idempotency_keys.user_id = gone.user_id and idempotency_keys.job_id = gone.id
        ), pruned as (
            delete from jobs using gone where jobs.user_id = gone.user_id and jobs.id = gone.id
        )
        select count(*) as pruned from gone
        """)

    /// The users' rows in the order of all locks, after those of what is forgotten.
    private static let raised = """
        floor as materialized (
            select user_id, max(change_sequence) as sequence from gone group by user_id order by user_id
        ), owner as materialized (
            select floor.*, counter.id from floor cross join lateral (
                select users.id from users where users.id = floor.user_id for no key update
            ) as counter
        ), raised as (
            update users set feed_floor = greatest(users.feed_floor, owner.sequence) from owner where users.id = owner.id
        )
        """

    /// A digest that has not learned of the deletion will not find the tombstone any more.
    private static func forgotten(kind: String) -> String {
        """
        forgotten as (
            update feed_digest_entries as entry set is_forgotten = true from gone
            where entry.user_id = gone.user_id and entry.kind = '\(kind)' and entry.id = gone.id
        )
        """
    }

    static let pruneDurations = Statement(
        "prune_durations",
        """
        delete from duration_laws using (
            select model, duration, resolution from duration_laws
            where updated_at < clock_timestamp() - $1::double precision * interval '1 second'
            limit $2 for update skip locked
        ) as old
        where (duration_laws.model, duration_laws.duration, duration_laws.resolution)
            = (old.model, old.duration, old.resolution)
        """)

    /// Accounts that nobody has used for a day: whoever comes back starts with an empty window.
    static let pruneBudgets = Statement(
        "prune_rate_budgets",
        """
        delete from rate_budgets using (
            select account, endpoint from rate_budgets
            where greatest(held_until, rested_until, grants[cardinality(grants)], '-infinity')
                < clock_timestamp() - interval '1 day'
            limit $1 for update skip locked
        ) as old
        where rate_budgets.account = old.account and rate_budgets.endpoint = old.endpoint
        """)
    static let pruneFailures = Statement(
        "prune_account_failures",
        """
        delete from account_failures using (
            select account from account_failures
            where coalesce(failures[1], '-infinity') < clock_timestamp() - interval '1 day'
            limit $1 for update skip locked
        ) as old
        where account_failures.account = old.account
        """)

    static let all = [
        pruneKeys, pruneVideos, pruneJobs, pruneDurations, pruneBudgets, pruneFailures,
    ]
}
