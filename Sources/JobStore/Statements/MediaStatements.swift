enum MediaStatements {
    /// A video's pictures, by their kinds, as JSON in the words of the wire.
    static let pictures = """
        (
            select json_object_agg(kind, json_build_object('content_type', content_type, 'bytes', bytes, 'sha256', sha256,
                'width', width, 'height', height))
            from video_pictures where user_id = videos.user_id and video_id = videos.id
        )
        """

    /// With the beginning of what it was made from, for its name as a file.
    static let video = Statement(
        "get_video", isHot: true,
        """
        select \(VideoColumn.list), videos.storage_key, (
            select left(jobs.request->>'prompt', 200) from jobs
            where jobs.user_id = videos.user_id and jobs.id = videos.job_id
        ) as prompt
        from videos where user_id = $1::uuid and id = $2::uuid and deleted_at is null
        """)

    /// A picture of a video that lives.
    static let picture = Statement(
        "get_picture",
        """
        select picture.* from video_pictures as picture
        join videos on videos.user_id = picture.user_id and videos.id = picture.video_id
        where picture.user_id = $1 and picture.video_id = $2 and picture.kind = $3 and videos.deleted_at is null
        """)

    static let all = [video, picture] + AssetStatements.all + UploadStatements.all
}
