/// All of a page is read by statements that go to the server on one trip, in a transaction that sees one snapshot of the
/// database. They are prepared: they run for each request that cannot be answered from memory.
enum FeedStatements {
    static let begin = Statement("begin_feed", isHot: true, "begin isolation level repeatable read read only")
    static let commit = Statement("commit_feed", isHot: true, "commit")

    static let position = Statement(
        "feed_position", isHot: true,
        """
        select change_sequence, feed_floor, settings_sequence, spending_sequence,
            (select epoch::text from database_epoch) as epoch
        from users where id = $1::uuid
        """)

    /// What the user's own two objects are made of, if one of them changed within `($2, $3]`. By the real time: a transaction
    /// may have begun on another day.
    static let account = Statement(
        "feed_account", isHot: true,
        """
        with clock as materialized (select clock_timestamp() at time zone 'UTC' as now)
        select name, active_limit, has_own_budget, budget_per_day, budget_per_month,
            has_own_retention, keep_days, keep_newest, quota_bytes, quota_removes_oldest,
            now::date::text as day, date_trunc('month', now)::date::text as month,
            coalesce((select amount from spending where user_id = users.id and period = 'day'
                and starts_on = now::date), 0)::numeric as spent_today,
            coalesce((select amount from spending where user_id = users.id and period = 'month'
                and starts_on = date_trunc('month', now)::date), 0)::numeric as spent_this_month
        from users, clock
        where id = $1::uuid and ((settings_sequence > $2::bigint and settings_sequence <= $3::bigint)
            or (spending_sequence > $2::bigint and spending_sequence <= $3::bigint))
        """)

    static let jobsSince = Statement("jobs_since", isHot: true, jobs(.since))
    static let videosSince = Statement("videos_since", isHot: true, videos(.since))
    static let jobsBelow = Statement("jobs_below", isHot: true, jobs(.below))
    static let videosBelow = Statement("videos_below", isHot: true, videos(.below))

    /// `$2` is where the last page ended, `$3` how many objects are read at most, `$4` how many bytes of jobs.
    private enum Direction {
        case since, below

        var condition: String {
            switch self {
            case .since: "user_id = $1::uuid and change_sequence > $2::bigint"
            case .below: "user_id = $1::uuid and change_sequence < $2::bigint and deleted_at is null"
            }
        }
        var order: String { self == .since ? "change_sequence" : "change_sequence desc" }

        /// Jobs and videos come together, so that each of both is read only as far as the page will go, which is found out
        /// from their sequences alone.
        var reach: String {
            let end = self == .since ? "max" : "min"
            let farthest = self == .since ? "9223372036854775807" : "0"
            func sequences(_ table: String) -> String {
                "(select change_sequence from \(table) where \(condition) order by \(order) limit $3::bigint)"
            }
            return """
                change_sequence \(self == .since ? "<=" : ">=") (
                    select case when count(*) = $3::bigint then \(end)(change_sequence) else \(farthest) end from (
                        select change_sequence from (\(sequences("jobs")) union all \(sequences("videos"))) as objects
                        order by \(order) limit $3::bigint
                    ) as nearest
                )
                """
        }
    }

    /// Jobs in order, and `total`, the bytes up to each. Ends with the job that reaches `$4` bytes: requests may be large, and
    /// those that no page has room for stay in the database.
    private static func jobs(_ direction: Direction) -> String {
        func weight(_ column: String) -> String {
            // Only what is packed has to be unpacked to be weighed.
            "coalesce(case when pg_column_compression(\(column)) is null then pg_column_size(\(column))"
                + " else octet_length(\(column)::text) end, 0)"
        }
        return """
            select \(JobColumn.list), jobs.total from (
                select found.*, (sum(found.weight) over (order by found.\(direction.order)))::bigint as total from (
                    select jobs.*, (1000 + \(weight("request")) + \(weight("consent_request")))::bigint as weight
                    from jobs where \(direction.condition) and \(direction.reach)
                    order by \(direction.order) limit $3::bigint
                ) as found
            ) as jobs
            where jobs.total - jobs.weight < $4::bigint order by jobs.\(direction.order)
            """
    }

    private static func videos(_ direction: Direction) -> String {
        """
        select \(VideoColumn.list)
        from videos where \(direction.condition) and \(direction.reach)
        order by \(direction.order) limit $3::bigint
        """
    }

    static let marks = Statement(
        "feed_marks",
        "select id, change_sequence, epoch from users, database_epoch where users.id = any($1::uuid[])")

    /// The timeline is exact where the server takes writes. A standby only tells that of its last restart point: after a
    /// failover it stays on the former one for a while, and on a history that was lost for good.
    static let standing = Statement(
        "feed_standing", isHot: true,
        """
        select change_sequence, (select epoch::text from database_epoch) as epoch, pg_is_in_recovery() as is_standby,
            case when pg_is_in_recovery() then (select timeline_id::bigint from pg_control_checkpoint())
                else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint end as timeline
        from users where id = $1::uuid
        """)

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
        begin, commit, position, account, jobsSince, videosSince, jobsBelow, videosBelow, marks, standing, newEpoch,
        notify,
    ]
}
