enum MediaStatements {
    /// With the beginning of what it was made from, for its name as a file.
    static let video = Statement(
        "get_video",
        """
        select videos.*, (
            select left(jobs.request->>'prompt', 200) from jobs
            where jobs.user_id = videos.user_id and jobs.id = videos.job_id
        ) as prompt
        from videos where user_id = $1 and id = $2 and deleted_at is null
        """)

    static let all = [video] + AssetStatements.all + UploadStatements.all
}
