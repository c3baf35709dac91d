/// The one way to change a job: a batch of steps, a statement over their columns.
///
/// Locks are taken in one order by everybody: jobs by (user, id), then users by id. The steps come sorted so, and each
/// lock is taken in a lateral subquery, which makes the planner go through them in that order.
enum StepStatements {
    /// Locks the jobs of a batch, before budgets are looked at. `$1` users, `$2` jobs, `$3` tokens, `$4` revisions;
    /// returns the places, from 1, of those that will be written.
    static let lock = Statement(
        "lock_steps", isHot: true,
        """
        select step.place from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) with ordinality
            as step (user_id, id, lease_token, revision, place)
        cross join lateral (
            select jobs.revision from jobs
            where jobs.user_id = step.user_id and jobs.id = step.id and jobs.lease_token = step.lease_token
            for no key update
        ) as held
        where held.revision = step.revision
        """)

    /// Writes a batch. A step whose job is held under another token, or has gone another way, is left out of the answer;
    /// one that was written before comes back without `updated_at`.
    ///
    /// Only the holder writes under its token, so a row that is one step ahead in the same state is this very step.
    static let write = Statement(
        "write_steps", isHot: true,
        """
        with step as materialized (
            select * from unnest(\(StepBatch.parameters)) with ordinality as step (\(StepBatch.names), place)
        ), held as materialized (
            select step.*, job.* from step cross join lateral (
                select jobs.state as old_state, jobs.submitting_token as old_token,
                    jobs.revision = step.revision as is_next,
                    jobs.revision = step.revision + 1 and jobs.state = step.state as is_written
                from jobs
                where jobs.user_id = step.user_id and jobs.id = step.id and jobs.lease_token = step.lease_token
                for no key update
            ) as job
        ), fresh as materialized (
            -- Where the step's sequences are among those that its user draws, and where the user is among all that draw.
            select held.*, sum(draws) over (partition by user_id order by place) as drawn,
                dense_rank() over (order by draws = 0, user_id) as user_place
            from held where is_next
        ), wanted as materialized (
            select user_id, sum(draws) as draws from fresh where draws > 0 group by user_id order by user_id
        ), counter as materialized (
            select wanted.*, owner.id from wanted cross join lateral (
                select users.id from users where users.id = wanted.user_id for no key update
            ) as owner
        ), drawn as (
            update users set change_sequence = users.change_sequence + counter.draws
            from counter where users.id = counter.id
            returning users.id, users.change_sequence - counter.draws as base
        ), bases as materialized (
            select array_agg(base order by id) as list from drawn
        ), numbered as materialized (
            -- Of the sequences drawn, the job's is the step's last, its video's the one before.
            select fresh.*, case when draws > 0 then bases.list[user_place] + drawn end as sequence from fresh, bases
        ), written as (
            update jobs set
                lease_token = numbered.new_token, state = numbered.state,
                price = coalesce(numbered.price, case when numbered.state <> 'accepted' then jobs.price end),
                submitting_token = numbered.submitting_token,
                venice_model = coalesce(numbered.venice_model, jobs.venice_model),
                queue_id = coalesce(numbered.queue_id, jobs.queue_id),
                sealed_link = case when numbered.is_cleaned_up is not true
                    then coalesce(numbered.sealed_link, jobs.sealed_link) end,
                submitted_at = coalesce(numbered.submitted_at, jobs.submitted_at),
                usual_seconds = case when numbered.queue_id is null then jobs.usual_seconds
                    else numbered.usual_seconds end,
                polls = coalesce(numbered.polls, jobs.polls),
                video_id = numbered.video_id, is_cleaned_up = numbered.is_cleaned_up,
                failure_code = numbered.failure_code, failure_message = numbered.failure_message,
                is_refunded = numbered.is_refunded, attention_kind = numbered.attention_kind,
                attention_evidence = numbered.attention_evidence, setbacks = numbered.setbacks,
                server_errors = numbered.server_errors,
                last_setback = coalesce(numbered.last_setback, jobs.last_setback),
                consent_request = coalesce(numbered.consent_request, jobs.consent_request),
                consented_at = coalesce(numbered.consented_at, jobs.consented_at),
                change_sequence = coalesce(numbered.sequence, jobs.change_sequence),
                updated_at = case when draws > 0 then clock_timestamp() else jobs.updated_at end,
                revision = jobs.revision + 1,
                leased_by = case when is_kept then jobs.leased_by end,
                next_action_at = case when is_kept then jobs.next_action_at
                    else clock_timestamp() + numbered.snooze * interval '1 second' end
            from numbered where jobs.user_id = numbered.user_id and jobs.id = numbered.id
            returning numbered.place, jobs.change_sequence, jobs.updated_at, jobs.next_action_at
        ), entered as (
            insert into job_steps (user_id, job_id, state)
            select user_id, id, state from fresh where state <> old_state order by place
        ), closed as (
            -- An attempt closes with whatever ends it; a lost one may still be answered.
            update attempts set ended_at = clock_timestamp(), outcome = coalesce(ended.outcome, 'lost'),
                http_status = ended.http_status, request_id = ended.request_id, balance = ended.balance,
                message = ended.message, request_sha256 = ended.request_sha256
            from (
                select *, coalesce(evidence_token, old_token) as token from fresh
                where coalesce(evidence_token, old_token) is not null
            ) as ended
            where attempts.user_id = ended.user_id and attempts.job_id = ended.id and attempts.lease_token = ended.token
                and (attempts.ended_at is null or attempts.outcome = 'lost')
        ), opened as (
            -- It opens with the intent.
            insert into attempts (user_id, job_id, lease_token, price)
            select user_id, id, submitting_token, price from fresh where state = 'submitting'
        ), booked as (
            insert into ledger (user_id, job_id, kind, amount)
            select user_id, id, \(StepBatch.ledgerColumns)
            from fresh cross join lateral generate_series(ledger_first, ledger_last) as entry
            where ledger_first is not null order by place, entry
        ), filmed as (
            insert into videos (user_id, id, job_id, model, storage_key, content_type, bytes, sha256, duration_seconds,
                width, height, has_sound, change_sequence)
            select user_id, \(StepBatch.videoColumns), sequence - 1
            from numbered where video_place is not null order by place
        )
        select place, change_sequence, updated_at, next_action_at from written
        union all select place, null, null, null from held where is_written
        """)

    /// A job as its holder's own step left it, for an answer that was lost.
    static let reread = Statement(
        "reread_step", isHot: true,
        """
        select \(JobColumn.list) from jobs
        where user_id = $1::uuid and id = $2::uuid and lease_token = $3::bigint
        """)

    static let all = [lock, write, reread]
}
