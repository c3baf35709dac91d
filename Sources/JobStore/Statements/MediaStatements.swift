enum MediaStatements {
    static let video = Statement(
        "get_video", "select * from videos where user_id = $1 and id = $2 and deleted_at is null")

    static let addAsset = Statement(
        "add_asset",
        """
        insert into assets (user_id, id, storage_key, content_type, bytes, sha256) values ($1, $2, $3, $4, $5, $6)
        returning *
        """)
    static let asset = Statement("get_asset", "select * from assets where user_id = $1 and id = $2")

    static let all = [video, addAsset, asset]
}
