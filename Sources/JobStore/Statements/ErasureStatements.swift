/// All that is kept of one user, and its end.
enum ErasureStatements {
    /// From here on there is no way back. Everything that could still make something of the user is stopped.
    static let begin = Statement(
        "begin_erasure",
        """
        with changed as (
            update users set erasing_at = coalesce(erasing_at, clock_timestamp()),
                suspended_at = coalesce(suspended_at, clock_timestamp())
            where id = $1 returning id
        )
        select pg_notify('gondola', 'suspended ' || id::text) from changed
        """)

    /// Pictures that nobody is making are not made any more.
    static let stopMedia = Statement(
        "stop_media",
        """
        update videos set media_due_at = null where user_id = $1 and media_due_at <= clock_timestamp()
        """)

    /// Jobs that have not ended, or whose copies upstream are not removed.
    static let unfinished = Statement(
        "unfinished_jobs",
        """
        select \(JobColumn.list) from jobs
        where user_id = $1 and (next_action_at is not null or state not in ('ready', 'failed', 'cancelled'))
        order by id limit $2
        """)

    /// Who still writes to storage: picture makers and uploads.
    static let writers = Statement(
        "writers_of_user",
        """
        select (select count(*) from videos where user_id = $1 and media_due_at is not null)
            + (select count(*) from uploads where user_id = $1 and writer_until > clock_timestamp()) as writers
        """)

    /// What there is of a user, for whoever is asked whether all of it shall go.
    static let count = Statement(
        "count_of_user",
        """
        select name, suspended_at, erasing_at, erased_at,
            (select count(*) from jobs where user_id = users.id) as jobs,
            (select count(*) from jobs where user_id = users.id and deleted_at is null
                and (next_action_at is not null or state not in ('ready', 'failed', 'cancelled'))) as unfinished,
            (select count(*) from videos where user_id = users.id) as videos,
            (select coalesce(sum(bytes), 0)::bigint from videos where user_id = users.id and removed_at is null)
                + (select coalesce(sum(bytes), 0)::bigint from video_pictures where user_id = users.id)
                + (select coalesce(sum(bytes), 0)::bigint from assets where user_id = users.id) as bytes,
            (select count(*) from assets where user_id = users.id) as assets,
            (select count(*) from uploads where user_id = users.id) as uploads,
            (select count(*) from devices where user_id = users.id) as devices,
            (select count(*) from ledger where user_id = users.id) as ledger_rows
        from users where id = $1
        """)

    /// Jobs with all that hangs on them, a batch at a time, so that the ledger's audit never finds half of one.
    static let jobs = Statement(
        "erase_jobs",
        """
        with gone as materialized (
            select user_id, id from jobs where user_id = $1 order by id limit $2 for update
        ), steps as (
            delete from job_steps using gone where job_steps.user_id = gone.user_id and job_steps.job_id = gone.id
        ), tries as (
            delete from attempts using gone where attempts.user_id = gone.user_id and attempts.job_id = gone.id
        ), keys as (
            delete from idempotency_keys using gone
            where idempotency_keys.user_id = gone.user_id and idempotency_keys.job_id = gone.id
        ), pictures as (
            delete from video_pictures using gone, videos
            where videos.user_id = gone.user_id and videos.job_id = gone.id
                and video_pictures.user_id = videos.user_id and video_pictures.video_id = videos.id
        ), films as (
            delete from videos using gone where videos.user_id = gone.user_id and videos.job_id = gone.id
        ), erased as (
            delete from jobs using gone where jobs.user_id = gone.user_id and jobs.id = gone.id
        )
        select count(*) as erased from gone
        """)

    /// The name goes last: until then the operator finds the user by it.
    static let finish = Statement(
        "finish_erasure",
        """
        update users set name = 'erased ' || id, erased_at = coalesce(erased_at, clock_timestamp()),
            suspended_reason = null, has_own_budget = false, budget_per_day = null, budget_per_month = null,
            active_limit = null, active_jobs = 0, has_own_retention = false, keep_days = null, keep_newest = null,
            quota_bytes = null, quota_removes_oldest = false
        where id = $1 and erasing_at is not null
        """)

    static let erasedUsers = Statement("erased_users", "select id from users where erasing_at is not null")

    static let all = [begin, stopMedia, unfinished, writers, count, jobs, finish, erasedUsers]
}
