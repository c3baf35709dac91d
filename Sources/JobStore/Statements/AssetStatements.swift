/// Finished uploads. Ages are seconds, in the database's time.
enum AssetStatements {
    static let get = Statement(
        "get_asset", "select * from assets where user_id = $1 and id = $2 and deleted_at is null")

    static let use = Statement(
        "use_asset",
        """
        update assets
        set expires_at = greatest(expires_at, clock_timestamp() + $3::double precision * interval '1 second')
        where user_id = $1 and id = $2 and deleted_at is null
        returning *
        """)

    static let list = Statement(
        "list_assets",
        """
        select * from assets
        where user_id = $1 and deleted_at is null and ($2::uuid is null or id < $2::uuid)
        order by id desc limit $3
        """)

    /// A job under way that names the asset needs its bytes.
    private static let isNamed = """
        exists (
            select from jobs
            where jobs.user_id = assets.user_id and jobs.state not in ('ready', 'failed', 'cancelled')
                and position(assets.id::text in jobs.request::text) > 0
        )
        """

    static let delete = Statement(
        "delete_asset",
        """
        update assets set deleted_at = clock_timestamp()
        where user_id = $1 and id = $2 and deleted_at is null and not \(isNamed)
        returning *
        """)

    /// Those that nobody has named for long enough. One that a job names at this moment is locked, and looked at again with
    /// its new time.
    static let expire = Statement(
        "expire_assets",
        """
        update assets set deleted_at = clock_timestamp()
        from (
            select user_id, id from assets
            where expires_at < clock_timestamp() and deleted_at is null and not \(isNamed)
            order by expires_at limit $1 for update skip locked
        ) as old
        where assets.user_id = old.user_id and assets.id = old.id
        """)

    static let deleted = Statement(
        "deleted_assets",
        "select * from assets where deleted_at is not null order by deleted_at limit $1")

    static let remove = Statement(
        "remove_assets",
        """
        delete from assets using unnest($1::uuid[], $2::uuid[]) as gone (user_id, id)
        where assets.user_id = gone.user_id and assets.id = gone.id and assets.deleted_at is not null
        """)

    static let all = [get, use, list, delete, expire, deleted, remove]
}
