enum LedgerStatements {
    // What the audit reads, all in the order of user and job.
    static let auditJobs = Statement(
        "audit_jobs",
        "select user_id, id as job_id, state, attention_kind, price, is_refunded from jobs order by user_id, id")
    static let auditAttempts = Statement(
        "audit_attempts",
        """
        select user_id, job_id, lease_token, price, outcome, reconciliation ->> 'verdict' as verdict
        from attempts order by user_id, job_id, lease_token
        """)
    static let auditEntries = Statement(
        "audit_entries", "select user_id, job_id, number, kind, amount, at from ledger order by user_id, job_id, number"
    )
    static let auditCounters = Statement(
        "audit_counters",
        """
        select user_id, period, starts_on - date '1970-01-01' as first_day, amount from spending
        order by user_id, period, starts_on
        """)

    /// All money of one user or of everybody since a moment.
    static let balance = Statement(
        "ledger_balance",
        """
        select count(*) as rows,
            coalesce(sum(amount) filter (where kind = 'reserve'), 0) as reserved,
            coalesce(sum(amount) filter (where kind = 'settle'), 0) as settled,
            coalesce(sum(amount) filter (where kind = 'release'), 0) as released,
            coalesce(sum(amount) filter (where kind = 'refund'), 0) as refunded
        from ledger where ($1::uuid is null or user_id = $1) and ($2::timestamptz is null or at >= $2)
        """)

    /// What was spent, by user, model or day (UTC) of the row. `$3` names which.
    static let spend = Statement(
        "ledger_spend",
        """
        select case $3::text
                when 'user' then users.name
                when 'model' then coalesce(jobs.venice_model, jobs.request ->> 'model', 'of deleted jobs')
                else ((at at time zone 'UTC')::date)::text
            end as group_name,
            count(distinct (ledger.user_id, ledger.job_id)) filter (where kind = 'settle') as jobs,
            coalesce(sum(amount) filter (where kind = 'settle'), 0) as settled,
            coalesce(sum(amount) filter (where kind = 'refund'), 0) as refunded
        from ledger left join jobs on (jobs.user_id, jobs.id) = (ledger.user_id, ledger.job_id)
            join users on users.id = ledger.user_id
        where ($1::uuid is null or ledger.user_id = $1) and ($2::timestamptz is null or at >= $2)
            and kind in ('settle', 'refund')
        group by 1 order by case when $3::text = 'day' then 1 end, 3 desc, 1 limit $4
        """)

    /// Paid jobs that failed, with what came back.
    static let refunds = Statement(
        "ledger_refunds",
        """
        select jobs.user_id, jobs.id, users.name as user_name, coalesce(venice_model, request ->> 'model') as model,
            failure_code, failure_message, is_refunded, settled.amount as settled, settled.at,
            coalesce((select sum(amount) from ledger where (user_id, job_id) = (jobs.user_id, jobs.id)
                and kind = 'refund'), 0) as refunded
        from jobs join users on users.id = jobs.user_id join lateral (
            select amount, at from ledger where (user_id, job_id) = (jobs.user_id, jobs.id) and kind = 'settle'
            order by number desc limit 1
        ) as settled on true
        where state = 'failed' and ($1::uuid is null or jobs.user_id = $1)
            and ($2::timestamptz is null or settled.at >= $2)
        order by settled.at desc limit $3
        """)

    /// Jobs that wait with a lost answer, the oldest first, each with its last attempt.
    static let unknowns = Statement(
        "ledger_unknowns",
        """
        select \(JobColumn.list), users.name as user_name, attempt.started_at, attempt.http_status, attempt.request_id,
            attempt.reconciliation
        from jobs join users on users.id = jobs.user_id left join lateral (
            select * from attempts where (user_id, job_id) = (jobs.user_id, jobs.id) order by lease_token desc limit 1
        ) as attempt on true
        where state = 'attention' and attention_kind = 'unknown_outcome' and ($1::uuid is null or jobs.user_id = $1)
        order by attention_since, jobs.id limit $2
        """)

    /// The paid requests of an account in a window, with what became of their jobs.
    static let reconcilable = Statement(
        "reconcilable_attempts",
        """
        select attempts.*, jobs.request ->> 'model' as model, jobs.venice_model, jobs.queue_id, jobs.state,
            jobs.attention_kind, (attempts.lease_token = (select max(lease_token) from attempts as other
                where (other.user_id, other.job_id) = (attempts.user_id, attempts.job_id))) as is_last
        from attempts join jobs on (jobs.user_id, jobs.id) = (attempts.user_id, attempts.job_id)
        where jobs.account = $1 and attempts.started_at >= $2 and attempts.started_at < $3
        order by attempts.started_at, attempts.job_id, attempts.lease_token limit $4
        """)

    static let oldestUnknown = Statement(
        "oldest_unknown",
        """
        select min(attempts.started_at) as at
        from jobs join attempts on (attempts.user_id, attempts.job_id) = (jobs.user_id, jobs.id)
        where state = 'attention' and attention_kind = 'unknown_outcome' and account = $1 and outcome = 'lost'
        """)

    /// What the comparison says of an attempt.
    static let keepVerdict = Statement(
        "keep_verdict",
        """
        update attempts set reconciliation = $4
        where user_id = $1 and job_id = $2 and lease_token = $3 and outcome = 'lost'
        returning (select max(lease_token) from attempts where user_id = $1 and job_id = $2) = $3 as is_last
        """)

    /// For the phone, while the job still waits with that attempt. The job's row is locked.
    static let publishVerdict = Statement(
        "publish_verdict",
        """
        with drawn as (
            update users set change_sequence = change_sequence + 1 where id = $1 returning change_sequence
        )
        update jobs set attention_verdict = $3, change_sequence = drawn.change_sequence,
            updated_at = clock_timestamp(), revision = revision + 1
        from drawn where user_id = $1 and id = $2
        """)

    static let all = [
        auditJobs, auditAttempts, auditEntries, auditCounters, balance, spend, refunds, unknowns, reconcilable,
        oldestUnknown, keepVerdict, publishVerdict,
    ]
}
