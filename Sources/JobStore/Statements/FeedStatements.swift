enum FeedStatements {
    static let position = Statement(
        "feed_position",
        """
        select change_sequence, feed_floor, settings_sequence, spending_sequence,
            (select epoch from database_epoch) as epoch
        from users where id = $1
        """)

    /// What the user's own two objects are made of. By the real time: a transaction may have begun on another day.
    static let account = Statement(
        "feed_account",
        """
        with clock as materialized (select clock_timestamp() at time zone 'UTC' as now)
        select name, active_limit, has_own_budget, budget_per_day, budget_per_month,
            now::date::text as day, date_trunc('month', now)::date::text as month,
            coalesce((select amount from spending where user_id = users.id and period = 'day'
                and starts_on = now::date), 0) as spent_today,
            coalesce((select amount from spending where user_id = users.id and period = 'month'
                and starts_on = date_trunc('month', now)::date), 0) as spent_this_month
        from users, clock where id = $1
        """)

    static let jobsSince = Statement(
        "jobs_since",
        jobs("change_sequence > $2 and change_sequence <= $3", order: "change_sequence", limit: "$4", bytes: "$5"))

    static let videosSince = Statement(
        "videos_since",
        """
        select \(MediaStatements.columns) from videos where user_id = $1 and change_sequence > $2 and change_sequence <= $3
        order by change_sequence limit $4
        """)

    static let jobsBelow = Statement(
        "jobs_below",
        jobs("change_sequence < $2 and deleted_at is null", order: "change_sequence desc", limit: "$3", bytes: "$4"))

    static let videosBelow = Statement(
        "videos_below",
        """
        select \(MediaStatements.columns) from videos where user_id = $1 and change_sequence < $2 and deleted_at is null
        order by change_sequence desc limit $3
        """)

    /// Jobs in order, and `total`, the bytes up to each. Ends with the job that reaches `bytes`: requests may be large, and
    /// those that no page has room for stay in the database.
    private static func jobs(_ condition: String, order: String, limit: String, bytes: String) -> String {
        """
        select \(JobColumn.list), jobs.total from (
            select found.*, (sum(found.weight) over (order by found.\(order)))::bigint as total from (
                select jobs.*, (1000 + octet_length(request::text)
                    + coalesce(octet_length(consent_request::text), 0))::bigint as weight
                from jobs where user_id = $1 and \(condition) order by \(order) limit \(limit)
            ) as found
        ) as jobs
        where jobs.total - jobs.weight < \(bytes)::bigint order by jobs.\(order)
        """
    }

    static let marks = Statement(
        "feed_marks",
        "select id, change_sequence, epoch from users, database_epoch where users.id = any($1::uuid[])")

    static let newEpoch = Statement(
        "new_epoch",
        """
        with old as materialized (select epoch from database_epoch for update)
        update database_epoch set epoch = gen_random_uuid() from old returning database_epoch.epoch, old.epoch as former
        """)

    /// A hint need not survive a crash, so its commit does not wait for the disk, nor let others wait for one write more.
    static let notify = Statement(
        "notify_users", isHot: true,
        """
        with setting as materialized (select set_config('synchronous_commit', 'off', true))
        select pg_notify('gondola', payload) from unnest($1::text[]) as payload, setting
        """)

    static let all = [
        position, account, jobsSince, videosSince, jobsBelow, videosBelow, marks, newEpoch, notify,
    ]
}
