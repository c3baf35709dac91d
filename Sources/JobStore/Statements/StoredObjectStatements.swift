/// What the database says is in storage, for whoever compares the two.
enum StoredObjectStatements {
    /// A page of everything that must be there, by user, thing and kind, after `$1`, `$2` and `$3`; at most `$4`. Not the
    /// files of videos that are on their way out.
    static let page = Statement(
        "stored_objects",
        """
        select * from (
            (
                select user_id, id, 'video' as kind, storage_key, bytes, sha256, original_sha256 from videos
                where (user_id, id, 'video') > ($1::uuid, $2::uuid, $3::text) and removing_since is null
                order by user_id, id limit $4
            ) union all (
                select picture.user_id, video_id, kind, picture.storage_key, picture.bytes, picture.sha256, null
                from video_pictures as picture join videos on (videos.user_id, videos.id) = (picture.user_id, video_id)
                where (picture.user_id, video_id, kind) > ($1::uuid, $2::uuid, $3::text) and removing_since is null
                order by picture.user_id, video_id, kind limit $4
            ) union all (
                select user_id, id, 'asset', storage_key, bytes, sha256, null from assets
                where (user_id, id, 'asset') > ($1::uuid, $2::uuid, $3::text) and deleted_at is null
                order by user_id, id limit $4
            )
        ) as everything order by user_id, id, kind limit $4
        """)

    /// The keys of all that belongs to these: `$1` users, `$2` videos or assets. Files come before their rows: a job under
    /// way may have its video already, a video that is worked on its pictures, an upload its pieces and its whole file.
    static let keys = Statement(
        "stored_keys",
        """
        with wanted as materialized (select user_id, id from unnest($1::uuid[], $2::uuid[]) as wanted (user_id, id))
        select storage_key from videos join wanted using (user_id, id) where removed_at is null
        union all select storage_key from video_pictures
            join wanted on (video_pictures.user_id, video_id) = (wanted.user_id, wanted.id)
        union all select storage_key from assets join wanted using (user_id, id)
        union all select user_id || '/assets/' || id from uploads join wanted using (user_id, id)
            where finished_at is null
        union all select storage_key from upload_pieces
            join wanted on (upload_pieces.user_id, upload_id) = (wanted.user_id, wanted.id)
        union all select user_id || '/videos/' || id || '.mp4' from jobs join wanted using (user_id, id)
            where state not in ('ready', 'failed', 'cancelled')
        union all select user_id || '/videos/' || id || picture from videos join wanted using (user_id, id),
            unnest(array['.poster.jpg', '.preview.webp']) as picture where media_due_at is not null
        """)

    /// What each user keeps, by kind. Deleted videos whose files are still there count by themselves.
    static let usage = Statement(
        "storage_usage",
        """
        select users.id, users.name, kind, count(*) as objects, sum(bytes)::bigint as bytes from (
            select user_id, case when deleted_at is null then 'video' else 'deleted' end as kind, bytes
            from videos where removed_at is null
            union all select user_id, kind, bytes from video_pictures
            union all select user_id, 'asset', bytes from assets where deleted_at is null
        ) as everything join users on users.id = user_id
        where $1::uuid is null or user_id = $1::uuid
        group by users.id, users.name, kind order by users.id, kind
        """)

    /// A video's bytes are the upstream's, not those of the hash `$3` that were made from them.
    static let keepOriginal = Statement(
        "keep_original",
        """
        with held as materialized (
            select user_id, id, deleted_at is not null as is_deleted from videos
            where user_id = $1::uuid and id = $2::uuid and sha256 = $3::text and original_sha256 is not null
                and removing_since is null
            for no key update
        ), drawn as (
            update users set change_sequence = change_sequence + 1 from held
            where users.id = held.user_id and not is_deleted
            returning change_sequence
        )
        update videos set sha256 = original_sha256, original_sha256 = null,
            change_sequence = coalesce((select change_sequence from drawn), videos.change_sequence)
        from held where videos.user_id = held.user_id and videos.id = held.id
        """)

    static let all = [page, keys, usage, keepOriginal]
}
