/// The one way to change a job: a batch of steps, a statement over their columns.
///
/// Locks come first and in one order for everybody: jobs by (user, id), then users by id, each in a statement of its own. The
/// rows come sorted so, and each lock is taken in a lateral subquery, which makes the planner go through them in that
/// order. The statement that writes then sees what those have done that the locks waited for, and waits for nobody.
enum StepStatements {
    /// Locks the jobs of a batch: `$1` users, `$2` jobs, `$3` tokens, `$4` revisions. Returns the places, from 1, of those
    /// that will be written.
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

    /// Writes a batch of locked jobs. A step whose job is held under another token, or has gone another way, is left out of
    /// the answer; one that was written before comes back without `updated_at`.
    ///
    /// A user's count of active jobs moves with the sequence: every step that begins or ends a job publishes. Where one
    /// ended, the answer says whether others wait for its place.
    ///
    /// Only the holder writes under its token, so a row that is one step ahead in the same state is this very step.
    static let write = Statement("write_steps", isHot: true, text(.whole))

    /// The same for a batch of plain steps: nothing is paid or given back, no attempt begins or ends, and no video comes. Its
    /// plan is a third smaller, which is most of what a single step costs. Leaves out a job that has an attempt under way.
    static let writePlain = Statement("write_plain_steps", isHot: true, text(.plain))

    private static func text(_ extent: StepBatch.Extent) -> String {
        """
        with held as materialized (
            select step.*, job.* from unnest(\(StepBatch.parameters(extent)))
                with ordinality as step (\(StepBatch.names(extent)), place)
            left join lateral (
                select jobs.state as old_state, jobs.submitting_token as old_token,
                    \(active("jobs.state", isScheduled: "jobs.next_action_at is not null")) as was_active,
                    jobs.revision = step.revision\(extent == .plain ? " and jobs.submitting_token is null" : "") as is_next,
                    jobs.revision = step.revision + 1 and jobs.state = step.state as is_written
                from jobs
                where jobs.user_id = step.user_id and jobs.id = step.id and jobs.lease_token = step.lease_token
                offset 0  -- so that the planner asks for one job at a time
            ) as job on true
        ), drawing as materialized (
            -- What each step draws, by itself: all the other columns need not be sorted along.
            select place, user_id, case when is_next then draws else 0 end as draws,
                \(isActive)::integer - was_active::integer as seats
            from held
        ), ranked as materialized (
            -- Where the step's sequences are among those that its user draws, and where the user is among all that draw.
            select place, draws, sum(draws) over (partition by user_id order by place) as drawn,
                dense_rank() over (order by draws = 0, user_id) as user_place
            from drawing
        ), wanted as materialized (
            select user_id, sum(draws) as draws, sum(seats) as seats from drawing where draws > 0 group by user_id
        ), drawn as (
            update users set change_sequence = users.change_sequence + wanted.draws,
                active_jobs = greatest(0, users.active_jobs + wanted.seats)
            from wanted where users.id = wanted.user_id
            returning users.id, users.change_sequence - wanted.draws as base
        ), bases as materialized (
            select array_agg(base order by id) as list from drawn
        ), sequences as materialized (
            -- By place. Of the sequences drawn, the job's is the step's last, its video's the one before; 0 is none.
            select array_agg(case when draws > 0 then bases.list[user_place] + drawn else 0 end order by place) as list
            from ranked, bases
        ), written as (
            update jobs set
                lease_token = held.new_token, state = held.state,
                price = coalesce(held.price, case when held.state <> 'accepted' then jobs.price end),
                submitting_token = held.submitting_token,
                venice_model = coalesce(held.venice_model, jobs.venice_model),
                queue_id = coalesce(held.queue_id, jobs.queue_id),
                sealed_link = case when held.is_cleaned_up is not true
                    then coalesce(held.sealed_link, jobs.sealed_link) end,
                submitted_at = coalesce(held.submitted_at, jobs.submitted_at),
                usual_seconds = case when held.queue_id is null then jobs.usual_seconds
                    else held.usual_seconds end,
                polls = coalesce(held.polls, jobs.polls),
                video_id = held.video_id, is_cleaned_up = held.is_cleaned_up,
                failure_code = held.failure_code, failure_message = held.failure_message,
                is_refunded = held.is_refunded, attention_kind = held.attention_kind,
                attention_evidence = held.attention_evidence, setbacks = held.setbacks,
                server_errors = held.server_errors,
                last_setback = coalesce(held.last_setback, jobs.last_setback),
                consent_request = coalesce(held.consent_request, jobs.consent_request),
                consented_at = coalesce(held.consented_at, jobs.consented_at),
                failure_notes = held.failure_notes, hold = held.hold, outlook = held.outlook,
                change_sequence = case when draws > 0 then sequences.list[held.place] else jobs.change_sequence end,
                updated_at = case when draws > 0 then clock_timestamp() else jobs.updated_at end,
                revision = jobs.revision + 1,
                leased_by = case when is_kept then jobs.leased_by end,
                next_action_at = case when is_kept then jobs.next_action_at
                    else clock_timestamp() + held.snooze * interval '1 second' end
            from held, sequences where held.is_next and jobs.user_id = held.user_id and jobs.id = held.id
            returning held.place, jobs.change_sequence, jobs.updated_at, jobs.next_action_at, jobs.attention_since,
                was_active and not \(isActive)
                    and exists (\(AdmissionStatements.waiting(of: "jobs.user_id"))) as has_waiting
        ), entered as (
            insert into job_steps (user_id, job_id, state)
            select user_id, id, state from held where is_next and state <> old_state order by place
        )\(extent == .whole ? rest : "")
        select place, change_sequence, updated_at, next_action_at, attention_since, has_waiting from written
        union all select place, null, null, null, null, null from held where is_written
        """
    }

    /// What beside the jobs and their timeline a step may write.
    private static let rest = """
        , closed as (
            -- An attempt closes with whatever ends it; a lost one may still be answered.
            update attempts set ended_at = clock_timestamp(), outcome = coalesce(ended.outcome, 'lost'),
                http_status = ended.http_status, request_id = ended.request_id, balance = ended.balance,
                message = ended.message, request_sha256 = ended.request_sha256
            from (
                select *, coalesce(evidence_token, old_token) as token from held
                where is_next and coalesce(evidence_token, old_token) is not null
            ) as ended
            where attempts.user_id = ended.user_id and attempts.job_id = ended.id and attempts.lease_token = ended.token
                and (attempts.ended_at is null or attempts.outcome = 'lost')
        ), opened as (
            -- It opens with the intent.
            insert into attempts (user_id, job_id, lease_token, price)
            select user_id, id, submitting_token, price from held where is_next and state = 'submitting'
        ), booked as (
            insert into ledger (user_id, job_id, kind, amount)
            select user_id, id, \(StepBatch.ledgerColumns)
            from held cross join lateral generate_series(ledger_first, ledger_last) as entry
            where is_next and ledger_first is not null order by place, entry
        ), filmed as (
            insert into videos (user_id, id, job_id, model, storage_key, content_type, bytes, sha256, duration_seconds,
                width, height, has_sound, frame_rate, video_codec, audio_codec, original_sha256, change_sequence)
            select user_id, \(StepBatch.videoColumns), sequences.list[place] - 1
            from held, sequences where is_next and video_place is not null order by place
        )
        """

    /// Whether a job takes one of its user's places: on its way to a video, and not waiting for its turn or a person.
    private static func active(_ state: String, isScheduled: String) -> String {
        "(\(state) in ('quoted', 'submitting', 'rendering', 'downloading') or \(state) = 'accepted' and \(isScheduled))"
    }

    /// The same of a job as the step leaves it. One whose video is here takes no place, though it is still to be cleaned up.
    private static let isActive = active("held.state", isScheduled: "(held.is_kept or held.snooze is not null)")

    /// A job as its holder's own step left it, for an answer that was lost.
    static let reread = Statement(
        "reread_step", isHot: true,
        """
        select \(JobColumn.list) from jobs
        where user_id = $1::uuid and id = $2::uuid and lease_token = $3::bigint
        """)

    static let all = [lock, write, writePlain, reread]
}
