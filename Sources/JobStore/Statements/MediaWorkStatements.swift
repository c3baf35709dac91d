/// The queue of what is made from videos: facts, posters, previews. It stands in the videos' rows.
enum MediaWorkStatements {
    /// Claims due videos, oldest first: `$1` at most, for `$2` seconds. Those of a worker that dies come due again.
    static let claim = Statement(
        "claim_media",
        """
        with due as materialized (
            select user_id, id from videos where media_due_at <= statement_timestamp() and deleted_at is null
            order by media_due_at limit $1 for no key update skip locked
        )
        update videos set media_due_at = clock_timestamp() + $2::double precision * interval '1 second',
            media_tries = media_tries + 1
        from due where videos.user_id = due.user_id and videos.id = due.id
        returning videos.user_id, videos.id, videos.storage_key, videos.bytes, videos.media_tries
        """)

    /// Locks a claimed video: `$1` user, `$2` id, `$3` the try that the claim is.
    static let lock = Statement(
        "lock_media",
        """
        select media_tries = $3::integer and media_due_at is not null as is_ours, removing_since is not null as is_going,
            deleted_at is not null as is_deleted
        from videos where user_id = $1 and id = $2 for no key update
        """)

    static let putPicture = Statement(
        "put_picture",
        """
        insert into video_pictures (user_id, video_id, kind, storage_key, content_type, bytes, sha256, width, height)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (user_id, video_id, kind) do update set storage_key = excluded.storage_key,
            content_type = excluded.content_type, bytes = excluded.bytes, sha256 = excluded.sha256,
            width = excluded.width, height = excluded.height
        """)

    /// Writes what was found out of a locked video. `$3` says whether phones see a difference: then it draws a sequence.
    static let finish = Statement(
        "finish_media",
        """
        with drawn as (
            update users set change_sequence = change_sequence + 1 where id = $1::uuid and $3::boolean
            returning change_sequence
        )
        update videos set media_due_at = null, media_trouble = $4,
            duration_seconds = coalesce($5::double precision, duration_seconds), width = coalesce($6::integer, width),
            height = coalesce($7::integer, height), has_sound = coalesce($8::boolean, has_sound),
            frame_rate = coalesce($9::double precision, frame_rate), video_codec = coalesce($10, video_codec),
            audio_codec = coalesce($11, audio_codec),
            change_sequence = coalesce((select change_sequence from drawn), change_sequence)
        where user_id = $1::uuid and id = $2::uuid
        """)

    /// Tries again after `$4` seconds.
    static let postpone = Statement(
        "postpone_media",
        """
        update videos set media_due_at = clock_timestamp() + $4::double precision * interval '1 second',
            media_trouble = $5
        where user_id = $1 and id = $2 and media_tries = $3::integer and media_due_at is not null
        """)

    /// Makes everything of a video again, for example since a picture was lost.
    static let again = Statement(
        "make_media_again",
        """
        update videos set media_due_at = clock_timestamp(), media_trouble = null
        where user_id = $1 and id = $2 and removing_since is null
        """)

    static let all = [claim, lock, putPicture, finish, postpone, again]
}
