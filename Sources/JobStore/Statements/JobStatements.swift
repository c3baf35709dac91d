enum JobStatements {
    /// Claims due jobs, oldest first. Claiming is rescheduling: the jobs of a worker that dies simply come due again. `$4` is
    /// where in time to begin (`ClaimWindow`). Rows come in any order, and say when the look was and they were due.
    static let claim = Statement(
        "claim_jobs", isHot: true,
        """
        with due as materialized (  -- a fence: the limit must not be re-run inside the join
            -- statement_timestamp() is stable, so the index ends the scan at what is due; clock_timestamp() would not.
            select user_id, id, next_action_at as due_at from jobs
            where next_action_at >= $4::timestamptz and next_action_at <= statement_timestamp()
            order by next_action_at limit $1::bigint for no key update skip locked
        )
        update jobs set next_action_at = clock_timestamp() + $2::double precision * interval '1 second',
            lease_token = lease_token + 1, leased_by = $3::text
        from due where jobs.user_id = due.user_id and jobs.id = due.id
        returning \(JobColumn.list), statement_timestamp() as looked_at, due.due_at
        """)

    /// The first job that is due between two places in time.
    static let dueBefore = Statement(
        "due_before", isHot: true,
        """
        select next_action_at as due_at from jobs
        where next_action_at >= $1::timestamptz and next_action_at < $2::timestamptz
        order by next_action_at limit 1
        """)

    /// Seconds until the next job comes due, looking from `$1`; negative for one that waits already, no row when none is
    /// under way.
    static let untilDue = Statement(
        "until_due", isHot: true,
        """
        select extract(epoch from next_action_at - clock_timestamp())::double precision as seconds from jobs
        where next_action_at >= $1::timestamptz order by next_action_at limit 1
        """)

    /// What both of the next two begin with: `$1` users, `$2` jobs, `$3` tokens, locked in the order of all locks.
    private static let held = """
        with held as materialized (
            select job.* from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as lease (user_id, id, token)
            cross join lateral (
                select jobs.user_id, jobs.id from jobs
                where jobs.user_id = lease.user_id and jobs.id = lease.id and jobs.lease_token = lease.token
                    and jobs.next_action_at is not null and jobs.leased_by is not null
                for no key update
            ) as job
        )
        """

    /// Extends the leases that are still held; what is missing from the answer was lost or given back. A job that was
    /// given back to be looked at in a while must not be put off by a renewal that comes late.
    static let renew = Statement(
        "renew_leases", isHot: true,
        """
        \(held)
        update jobs set next_action_at = clock_timestamp() + $4::double precision * interval '1 second'
        from held where jobs.user_id = held.user_id and jobs.id = held.id
        returning jobs.id, jobs.lease_token
        """)

    /// Hands jobs back unfinished: they are due at once, for whoever claims next.
    static let giveBack = Statement(
        "give_back_leases", isHot: true,
        """
        \(held)
        update jobs set next_action_at = clock_timestamp(), leased_by = null
        from held where jobs.user_id = held.user_id and jobs.id = held.id
        """)

    static let get = Statement(
        "get_job",
        "select \(JobColumn.list) from jobs where user_id = $1 and id = $2 and deleted_at is null")

    /// For the operator, who knows a job by its id alone.
    static let find = Statement("find_job", "select \(JobColumn.list) from jobs where id = $1")

    static let lock = Statement(
        "lock_job",
        """
        select \(JobColumn.list) from jobs where user_id = $1 and id = $2 and deleted_at is null for no key update
        """)

    static let steps = Statement(
        "job_steps", "select state, at, decision from job_steps where user_id = $1 and job_id = $2 order by number")

    /// Once in a row, so that somebody who asks over and over fills nothing.
    static let noteWait = Statement(
        "note_wait",
        """
        insert into job_steps (user_id, job_id, state, decision)
        select $1::uuid, $2::uuid, 'attention', 'wait' where not exists (
            select from (
                select decision from job_steps where user_id = $1::uuid and job_id = $2::uuid
                order by number desc limit 1
            ) as last where last.decision is not null
        )
        """)

    /// What a key has made, with what its answer was made from. A deleted job was answered for all the same.
    static let recallKey = Statement(
        "recall_idempotency_key",
        """
        select \(JobColumn.list), body_sha256, sequence as answered_sequence, is_seated
        from idempotency_keys
        join jobs on jobs.user_id = idempotency_keys.user_id and jobs.id = idempotency_keys.job_id
        where idempotency_keys.user_id = $1 and key = $2
        """)

    static let attempts = Statement(
        "job_attempts", "select * from attempts where user_id = $1 and job_id = $2 order by lease_token")

    static let all = [
        claim, dueBefore, untilDue, renew, giveBack, get, find, lock, steps, noteWait, recallKey,
        attempts,
    ]
}
