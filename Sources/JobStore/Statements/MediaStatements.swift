enum MediaStatements {
    static let addVideo = Statement(
        "add_video",
        """
        insert into videos (user_id, id, job_id, model, storage_key, content_type, bytes, sha256, duration_seconds,
            width, height, has_sound, change_sequence)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """)
    static let video = Statement(
        "get_video", "select * from videos where user_id = $1 and id = $2 and deleted_at is null")

    static let addAsset = Statement(
        "add_asset",
        """
        insert into assets (user_id, id, storage_key, content_type, bytes, sha256) values ($1, $2, $3, $4, $5, $6)
        returning *
        """)
    static let asset = Statement("get_asset", "select * from assets where user_id = $1 and id = $2")

    static let all = [addVideo, video, addAsset, asset]
}
