/// What operators look for and move.
enum OperatorStatements {
    /// The newest jobs of everybody or of one user that fit; null fits all. `$5` and `$6` are when they were taken in, `$8`
    /// how long they may have stood still, in seconds.
    static let jobs = Statement(
        "find_jobs",
        """
        select \(JobColumn.list), users.name as user_name from jobs join users on users.id = jobs.user_id
        where ($1::uuid is null or user_id = $1) and ($2::text is null or state = $2)
            and ($3::text is null or request ->> 'model' = $3) and ($4::text is null or account = $4)
            and ($5::timestamptz is null or jobs.created_at >= $5) and ($6::timestamptz is null or jobs.created_at < $6)
            and ($7::text is null or coalesce(failure_code, attention_kind, hold ->> 'kind') = $7)
            and ($8::double precision is null
                or jobs.updated_at < clock_timestamp() - $8::double precision * interval '1 second')
        order by jobs.id desc limit $9
        """)

    /// What is settled and not refunded of a job.
    static let spent = Statement(
        "spent_on_job",
        """
        select coalesce(sum(case kind when 'settle' then amount when 'refund' then -amount else 0 end), 0) as spent
        from ledger where user_id = $1 and job_id = $2
        """)

    /// Takes a job out of its wait, or from whoever holds it, as it was seen: `$3` revision, `$4` token. One that waits for
    /// its turn has no time, and keeps none.
    static let requeue = Statement(
        "requeue_job",
        """
        with held as materialized (
            select user_id, id from jobs
            where user_id = $1 and id = $2 and revision = $3 and lease_token = $4 and next_action_at is not null
                and state <> 'submitting'
            for no key update
        )
        update jobs set next_action_at = clock_timestamp(), leased_by = null, lease_token = lease_token + 1
        from held where jobs.user_id = held.user_id and jobs.id = held.id returning jobs.id
        """)

    static let all = [jobs, spent, requeue]
}
