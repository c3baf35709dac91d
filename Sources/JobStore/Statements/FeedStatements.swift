enum FeedStatements {
    static let position = Statement(
        "feed_position",
        "select change_sequence, feed_floor, (select epoch from database_epoch) as epoch from users where id = $1")

    static let jobsSince = Statement(
        "jobs_since",
        """
        select \(JobColumn.list) from jobs where user_id = $1 and change_sequence > $2 and change_sequence <= $3
        order by change_sequence limit $4
        """)

    static let videosSince = Statement(
        "videos_since",
        """
        select * from videos where user_id = $1 and change_sequence > $2 and change_sequence <= $3
        order by change_sequence limit $4
        """)

    static let jobsBelow = Statement(
        "jobs_below",
        """
        select \(JobColumn.list) from jobs where user_id = $1 and change_sequence < $2 and deleted_at is null
        order by change_sequence desc limit $3
        """)

    static let videosBelow = Statement(
        "videos_below",
        """
        select * from videos where user_id = $1 and change_sequence < $2 and deleted_at is null
        order by change_sequence desc limit $3
        """)

    /// A hint need not survive a crash, so its commit does not wait for the disk, nor let others wait for one write more.
    static let notify = Statement(
        "notify_users",
        """
        with setting as materialized (select set_config('synchronous_commit', 'off', true))
        select pg_notify('gondola', payload) from unnest($1::text[]) as payload, setting
        """)

    static let all = [position, jobsSince, videosSince, jobsBelow, videosBelow, notify]
}
