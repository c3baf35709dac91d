/// Deletion, its way back, and what a user keeps. Locks in the order of all locks: jobs, videos, then users.
enum LifecycleStatements {
    /// The two kinds of rows that a phone deletes.
    struct Table: Sendable {
        var lock: Statement
        var delete: Statement
        var restore: Statement
    }

    static let videos = Table(lock: lockVideo, delete: deleteVideos, restore: restoreVideos)
    static let jobs = Table(lock: lockJob, delete: deleteJobs, restore: restoreJobs)

    private static let lockVideo = Statement(
        "lock_deletable_videos",
        lock("videos", state: "null as state, null as attention_kind", canReturn: "removing_since is null"))
    private static let lockJob = Statement(
        "lock_deletable_jobs", lock("jobs", state: "state, attention_kind", canReturn: "true"))
    private static let deleteVideos = Statement("delete_videos", change("videos", deletedAt: "clock_timestamp()"))
    private static let deleteJobs = Statement("delete_jobs", change("jobs", deletedAt: "clock_timestamp()"))
    private static let restoreVideos = Statement(
        "undelete_videos", change("videos", deletedAt: "null, restored_at = clock_timestamp()"))
    private static let restoreJobs = Statement("undelete_jobs", change("jobs", deletedAt: "null"))

    /// `$1` user, `$2` id, `$3` grace in seconds.
    private static func lock(_ table: String, state: String, canReturn: String) -> String {
        """
        select \(state), change_sequence, deleted_at is not null as is_deleted,
            coalesce(deleted_at, clock_timestamp()) + $3::double precision * interval '1 second' as until,
            coalesce(deleted_at + $3::double precision * interval '1 second' > clock_timestamp(), true)
                and \(canReturn) as can_return
        from \(table) where user_id = $1 and id = $2 for no key update
        """
    }

    /// `$1` user, `$2` ids, all of them locked; each draws its own sequence.
    private static func change(_ table: String, deletedAt: String) -> String {
        """
        with wanted as materialized (
            select id, number from unnest($2::uuid[]) with ordinality as wanted (id, number)
        ), drawn as (
            update users set change_sequence = users.change_sequence + cardinality($2::uuid[]) where users.id = $1::uuid
            returning users.change_sequence - cardinality($2::uuid[]) as base
        )
        update \(table) set deleted_at = \(deletedAt), change_sequence = drawn.base + wanted.number
        from wanted, drawn where \(table).user_id = $1::uuid and \(table).id = wanted.id
        returning \(table).change_sequence
        """
    }

    /// Of a user's living videos, newest first, which are too many: `$1` user, `$2` days, `$3` newest, `$4` bytes; null is
    /// no limit. The quota never takes the newest, which was paid a moment ago; and one that alone has more than the quota
    /// goes by itself once it is not the newest, but pushes no other out.
    private static let excess = """
        with ranked as materialized (
            select id, since, bytes, row_number() over newest as place,
                sum(bytes) filter (where bytes <= $4::bigint) over newest as total
            from (
                select id, greatest(created_at, restored_at) as since, bytes from videos
                where user_id = $1::uuid and deleted_at is null
            ) as living
            window newest as (order by since desc, id desc rows unbounded preceding)
        ), excess as materialized (
            select id, since, bytes from ranked
            where since < clock_timestamp() - $2::integer * interval '1 day' or place > $3::bigint
                or (place > 1 and (bytes > $4::bigint or total > $4::bigint))
        )
        """

    static let countExcess = Statement(
        "count_excess", "\(excess) select count(*) as videos, coalesce(sum(bytes), 0)::bigint as bytes from excess")

    /// Locks the oldest `$5` of those, in the order of all locks.
    static let lockExcess = Statement(
        "lock_excess",
        """
        \(excess), oldest as materialized (
            select id from (select id from excess order by since, id limit $5::bigint) as first order by id
        )
        select video.id from oldest cross join lateral (
            select videos.id from videos
            where videos.user_id = $1::uuid and videos.id = oldest.id and videos.deleted_at is null
            for no key update
        ) as video
        """)

    static let keptBytes = Statement(
        "kept_bytes",
        """
        select coalesce(sum(bytes), 0)::bigint as bytes from videos where user_id = $1 and deleted_at is null
        """)

    private static let rule = "has_own_retention, keep_days, keep_newest, quota_bytes, quota_removes_oldest"
    static let getRule = Statement("get_retention", "select \(rule) from users where id = $1")
    static let setRule = Statement(
        "set_retention",
        """
        update users set has_own_retention = $2, keep_days = $3, keep_newest = $4, quota_bytes = $5,
            quota_removes_oldest = $6
        where id = $1
        """)

    /// Users after `$1` whose videos a rule may remove: those with a rule of their own, and all others where `$2` says that
    /// the deployment has one.
    static let usersWithRules = Statement(
        "users_with_rules",
        """
        select id, \(rule) from users
        where id > $1 and case when has_own_retention
            then keep_days is not null or keep_newest is not null or (quota_bytes is not null and quota_removes_oldest)
            else $2::boolean end
        order by id limit $3
        """)

    /// Deleted videos whose grace is over, with the keys of their files. From here on nothing brings them back. Those whose
    /// files could not be removed come again, after the others; one whose pictures are being made comes when that is over.
    static let beginRemovals = Statement(
        "begin_removals",
        """
        with due as materialized (
            select user_id, id from videos
            where deleted_at < clock_timestamp() - $1::double precision * interval '1 second' and removed_at is null
                and (media_due_at is null or media_due_at <= clock_timestamp())
            order by coalesce(removing_since, deleted_at) limit $2 for no key update skip locked
        )
        update videos set removing_since = clock_timestamp(), media_due_at = null
        from due where videos.user_id = due.user_id and videos.id = due.id
        returning videos.user_id, videos.id, videos.storage_key
        """)

    /// `$1` users, `$2` videos.
    static let finishRemovals = Statement(
        "finish_removals",
        """
        with gone as materialized (
            select user_id, id from unnest($1::uuid[], $2::uuid[]) as gone (user_id, id)
        ), pictures as (
            delete from video_pictures using gone
            where video_pictures.user_id = gone.user_id and video_pictures.video_id = gone.id
        )
        update videos set removed_at = clock_timestamp() from gone
        where videos.user_id = gone.user_id and videos.id = gone.id and videos.removing_since is not null
        """)

    static let all = [
        videos.lock, videos.delete, videos.restore, jobs.lock, jobs.delete, jobs.restore, countExcess, lockExcess,
        keptBytes, getRule, setRule, usersWithRules, beginRemovals, finishRemovals,
    ]
}
