enum JobStatements {
    /// Claims due jobs, oldest first. Claiming is rescheduling: the jobs of a worker that dies simply come due again.
    static let claim = Statement(
        "claim_jobs",
        """
        with due as materialized (  -- a fence: the limit must not be re-run inside the join
            -- statement_timestamp() is stable, so the index ends the scan at what is due; clock_timestamp() would not.
            select user_id, id, next_action_at as due_at from jobs where next_action_at <= statement_timestamp()
            order by next_action_at limit $1 for update skip locked
        ), claimed as (
            update jobs set next_action_at = clock_timestamp() + $2 * interval '1 second',
                lease_token = lease_token + 1, leased_by = $3
            from due where (jobs.user_id, jobs.id) = (due.user_id, due.id)
            returning jobs.*, due.due_at
        )
        select * from claimed order by due_at
        """)

    /// Seconds until the next job comes due; negative for one that waits already, null when none is under way.
    static let untilDue = Statement(
        "until_due",
        """
        select extract(epoch from next_action_at - clock_timestamp()) as seconds from jobs
        where next_action_at is not null order by next_action_at limit 1
        """)

    /// Extends the leases that are still held; what is missing from the answer was lost or given back. A job that was
    /// given back to be looked at in a while must not be put off by a renewal that comes late.
    static let renew = Statement(
        "renew_leases",
        """
        update jobs set next_action_at = clock_timestamp() + $4 * interval '1 second'
        from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as held (user_id, id, token)
        where (jobs.user_id, jobs.id, jobs.lease_token) = (held.user_id, held.id, held.token)
            and jobs.next_action_at is not null and jobs.leased_by is not null
        returning jobs.id, jobs.lease_token
        """)

    /// Hands jobs back unfinished: they are due at once, for whoever claims next.
    static let giveBack = Statement(
        "give_back_leases",
        """
        update jobs set next_action_at = clock_timestamp(), leased_by = null
        from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as held (user_id, id, token)
        where (jobs.user_id, jobs.id, jobs.lease_token) = (held.user_id, held.id, held.token)
            and jobs.next_action_at is not null and jobs.leased_by is not null
        """)

    /// A job begins at once if its user has room (`$8` is the limit of those who have none of their own). Otherwise it has
    /// no schedule, and waits for its turn.
    static let insert = Statement(
        "insert_job",
        """
        with seat as (
            update users set active_jobs = active_jobs + 1
            where id = $1 and active_jobs < coalesce(active_limit, $8::integer) returning id
        )
        insert into jobs (user_id, id, state, request, max_price, account, next_action_at, change_sequence, priority)
        values ($1, $2, 'accepted', $3, $4, $5, case when exists (select from seat) then clock_timestamp() end, $6, $7)
        returning *
        """)

    static let get = Statement(
        "get_job", "select * from jobs where user_id = $1 and id = $2 and deleted_at is null")

    /// For the operator, who knows a job by its id alone.
    static let find = Statement("find_job", "select * from jobs where id = $1")

    static let lock = Statement(
        "lock_job", "select * from jobs where user_id = $1 and id = $2 and deleted_at is null for update")

    /// Locks a job for the holder of its lease; no row if the lease was lost.
    static let lockLeased = Statement(
        "lock_leased_job",
        "select * from jobs where user_id = $1 and id = $2 and lease_token = $3 for update")

    /// Everything of a job that a step may change. `$24` says how the schedule moves:
    /// `keep` the lease, `snooze` for `$25` seconds, or `rest` with nothing left to do.
    static let update = Statement(
        "update_job",
        """
        update jobs set
            lease_token = $3, state = $4, price = $5, submitting_token = $6, venice_model = $7, queue_id = $8,
            sealed_link = $9, submitted_at = $10, usual_seconds = $11, polls = $12, video_id = $13,
            is_cleaned_up = $14, failure_code = $15, failure_message = $16, is_refunded = $17, attention_kind = $18,
            attention_evidence = $19, setbacks = $20, last_setback = coalesce($21, last_setback),
            change_sequence = $22, server_errors = $26,
            consent_request = coalesce($27, consent_request), consented_at = coalesce($28, consented_at), outlook = $29,
            updated_at = case when $23::boolean then clock_timestamp() else updated_at end,
            revision = revision + 1,
            leased_by = case when $24::text = 'keep' then leased_by end,
            next_action_at = case $24::text
                when 'keep' then next_action_at
                when 'snooze' then clock_timestamp() + $25 * interval '1 second'
                when 'rest' then null
            end
        where user_id = $1 and id = $2
        returning *
        """)

    /// The newest jobs of everybody or of one user, in any state or in one.
    static let list = Statement(
        "list_jobs",
        """
        select jobs.*, users.name as user_name from jobs join users on users.id = jobs.user_id
        where ($1::uuid is null or user_id = $1) and ($2::text is null or state = $2)
        order by jobs.id desc limit $3
        """)

    static let addStep = Statement(
        "add_job_step", "insert into job_steps (user_id, job_id, state) values ($1, $2, $3)")

    static let steps = Statement(
        "job_steps", "select state, at from job_steps where user_id = $1 and job_id = $2 order by number")

    static let rememberKey = Statement(
        "remember_idempotency_key",
        "insert into idempotency_keys (user_id, key, body_sha256, job_id) values ($1, $2, $3, $4)")

    static let recallKey = Statement(
        "recall_idempotency_key",
        "select body_sha256, job_id from idempotency_keys where user_id = $1 and key = $2")

    static let openAttempt = Statement(
        "open_attempt", "insert into attempts (user_id, job_id, lease_token, price) values ($1, $2, $3, $4)")

    static let closeAttempt = Statement(
        "close_attempt",
        """
        update attempts set ended_at = clock_timestamp(), outcome = $3, http_status = $4, request_id = $5,
            balance = $6, message = $7, request_sha256 = $8
        where user_id = $1 and job_id = $2 and lease_token = $9 and (ended_at is null or outcome = 'lost')
        """)

    static let attempts = Statement(
        "job_attempts", "select * from attempts where user_id = $1 and job_id = $2 order by lease_token")

    static let addToLedger = Statement(
        "add_to_ledger", "insert into ledger (user_id, job_id, kind, amount) values ($1, $2, $3, $4)")

    static let all = [
        claim, untilDue, renew, giveBack, insert, get, find, lock, lockLeased, update, list, addStep, steps,
        rememberKey, recallKey, openAttempt, closeAttempt, attempts, addToLedger,
    ]
}
