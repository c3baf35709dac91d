/// Uploads on their way to be assets. Ages are seconds, in the database's time.
enum UploadStatements {
    /// Uploads of one user are taken in one after the other, so that two at once do not both find the last room.
    static let lockOwner = Statement("lock_upload_owner", "select id from users where id = $1 for no key update")

    /// `$8` bytes and `$9` assets and uploads are the most that a user may have.
    static let add = Statement(
        "add_upload",
        """
        with kept as (
            select coalesce(sum(thing.bytes), 0)::bigint as bytes, count(*) as things from (
                select bytes from assets where user_id = $1::uuid and deleted_at is null
                union all
                select bytes from uploads
                where user_id = $1::uuid and finished_at is null and expires_at > clock_timestamp()
            ) as thing
        ), added as (
            insert into uploads (user_id, id, bytes, metadata, writer, writer_until, expires_at)
            select $1::uuid, $2::uuid, $3::bigint, $4::text, $5::uuid,
                case when $5::uuid is not null
                    then clock_timestamp() + $6::double precision * interval '1 second' end,
                clock_timestamp() + $7::double precision * interval '1 second'
            from kept where kept.bytes + $3::bigint <= $8::bigint and kept.things < $9::bigint
            returning expires_at
        )
        select kept.bytes as kept_bytes, kept.things as kept_things, added.expires_at
        from kept left join added on true
        """)

    private static let columns = """
        uploads.*, uploads.expires_at <= clock_timestamp() as is_expired,
        ceil(extract(epoch from uploads.writer_until - clock_timestamp()))::bigint as locked_seconds
        """

    static let get = Statement(
        "get_upload", "select \(columns) from uploads where user_id = $1 and id = $2")

    /// Makes `$3` the writer where nobody else is.
    static let take = Statement(
        "take_upload",
        """
        update uploads
        set writer = $3::uuid, writer_until = clock_timestamp() + $4::double precision * interval '1 second'
        where user_id = $1 and id = $2 and finished_at is null and expires_at > clock_timestamp()
            and coalesce(writer_until, '-infinity') <= clock_timestamp()
        returning \(columns)
        """)
    static let keep = Statement(
        "keep_upload",
        """
        update uploads set writer_until = clock_timestamp() + $4::double precision * interval '1 second'
        where user_id = $1 and id = $2 and writer = $3::uuid
        """)
    static let release = Statement(
        "release_upload",
        """
        update uploads set writer = null, writer_until = null
        where user_id = $1 and id = $2 and writer = $3::uuid
        """)

    /// `$5` bytes that begin at `$4` and are durable under the key `$6`.
    static let addPiece = Statement(
        "add_upload_piece",
        """
        with uploads as (
            update uploads set received = received + $5::bigint, pieces = pieces + 1,
                writer_until = clock_timestamp() + $7::double precision * interval '1 second',
                expires_at = clock_timestamp() + $8::double precision * interval '1 second'
            where user_id = $1 and id = $2 and writer = $3::uuid and received = $4::bigint and finished_at is null
            returning *
        ), piece as (
            insert into upload_pieces (user_id, upload_id, starts_at, bytes, storage_key)
            select user_id, id, $4::bigint, $5::bigint, $6::text from uploads
        )
        select \(columns) from uploads
        """)
    static let pieces = Statement(
        "upload_pieces",
        "select * from upload_pieces where user_id = $1 and upload_id = $2 order by starts_at")

    /// The upload ends and the asset begins in one step.
    static let finish = Statement(
        "finish_upload",
        """
        with done as (
            update uploads
            set received = bytes, finished_at = clock_timestamp(), writer = null, writer_until = null
            where user_id = $1 and id = $2 and writer = $3::uuid and finished_at is null
            returning user_id, id, bytes
        ), pieces as (
            delete from upload_pieces using done
            where upload_pieces.user_id = done.user_id and upload_pieces.upload_id = done.id
        )
        insert into assets (user_id, id, storage_key, content_type, bytes, sha256, expires_at)
        select user_id, id, $4, $5, bytes, $6, clock_timestamp() + $7::double precision * interval '1 second' from done
        returning *
        """)

    /// Nobody goes on with it any more.
    static let end = Statement(
        "end_upload",
        """
        update uploads set expires_at = clock_timestamp()
        where user_id = $1 and id = $2 and writer = $3::uuid and finished_at is null
        """)
    /// Those that expired, for `$1` to clear away.
    static let takeExpired = Statement(
        "take_expired_uploads",
        """
        update uploads
        set writer = $1::uuid, writer_until = clock_timestamp() + $2::double precision * interval '1 second'
        from (
            select user_id, id from uploads
            where expires_at <= clock_timestamp() and coalesce(writer_until, '-infinity') <= clock_timestamp()
            order by expires_at limit $3 for update skip locked
        ) as old
        where uploads.user_id = old.user_id and uploads.id = old.id
        returning \(columns)
        """)
    static let remove = Statement(
        "remove_upload",
        "delete from uploads where user_id = $1 and id = $2 and (writer = $3::uuid or finished_at is not null)")

    static let all = [
        lockOwner, add, get, take, keep, release, addPiece, pieces, finish, end, takeExpired, remove,
    ]
}
