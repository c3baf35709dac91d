/// The one way to take jobs in: a batch, in two statements over its columns.
enum SubmitStatements {
    /// Locks the users of a batch, who come sorted; the lateral subquery makes the planner keep to their order.
    static let lockUsers = Statement(
        "lock_users", isHot: true,
        """
        select owner.id from unnest($1::uuid[]) as wanted (id)
        cross join lateral (select users.id from users where users.id = wanted.id for no key update) as owner
        """)

    /// Takes in what no key has made before: `$1` users, `$2` jobs, `$3` requests, `$4` greatest prices, `$5` accounts,
    /// `$6` keys, `$7` hashes of bodies, `$8` priorities. A job begins at once if its user has room (`$9` is the limit of those
    /// who have none of their own); otherwise it has no schedule, and waits for its turn. Answers with the place of each
    /// job whose user exists, from 1, and either its sequence, time and whether it begins, or the job that the key has
    /// made and whether its body was the same.
    static let insert = Statement(
        "insert_jobs", isHot: true,
        """
        with job as materialized (
            select job.*, known.job_id as known_job, known.body_sha256 = job.body_sha256 as is_same,
                clock_timestamp() as at
            from unnest($1::uuid[], $2::uuid[], $3::json[], $4::numeric[], $5::text[], $6::text[], $7::bytea[],
                $8::integer[])
                with ordinality as job (user_id, id, request, max_price, account, key, body_sha256, priority, place)
            left join lateral (
                select job_id, idempotency_keys.body_sha256 from idempotency_keys
                where idempotency_keys.user_id = job.user_id and idempotency_keys.key = job.key
            ) as known on true
            where exists (select from users where users.id = job.user_id and suspended_at is null)
        ), fresh as materialized (
            -- Where the job is among its user's, and where the user is among all.
            select *, count(*) over (partition by user_id order by place) as number,
                dense_rank() over (order by user_id) as user_place
            from job where known_job is null
        ), wanted as materialized (
            -- A place that is free while others wait is theirs, in their order.
            select user_id, count(*) as draws,
                case when exists (\(AdmissionStatements.waiting(of: "fresh.user_id"))) then 0
                else least(count(*), greatest(0, (
                    select coalesce(active_limit, $9::integer) - active_jobs from users where users.id = fresh.user_id
                ))) end as seats
            from fresh group by user_id
        ), drawn as (
            update users set change_sequence = users.change_sequence + wanted.draws,
                active_jobs = users.active_jobs + wanted.seats
            from wanted where users.id = wanted.user_id
            returning users.id, users.change_sequence - wanted.draws as base, wanted.seats
        ), bases as materialized (
            select array_agg(base order by id) as list, array_agg(seats order by id) as seats from drawn
        ), numbered as materialized (
            select fresh.*, bases.list[user_place] + number as sequence,
                number <= bases.seats[user_place] as is_seated from fresh, bases
        ), made as (
            insert into jobs (user_id, id, state, request, max_price, account, next_action_at, change_sequence,
                created_at, updated_at, priority)
            select user_id, id, 'accepted', request, max_price, account, case when is_seated then at end, sequence, at, at,
                priority
            from numbered order by place
        ), entered as (
            insert into job_steps (user_id, job_id, state, at)
            select user_id, id, 'accepted', at from numbered order by place
        ), remembered as (
            insert into idempotency_keys (user_id, key, body_sha256, job_id, sequence, is_seated)
            select user_id, key, body_sha256, id, sequence, is_seated from numbered where key is not null
        )
        select place, sequence, at, null::uuid as known_job, null::boolean as is_same, is_seated from numbered
        union all select place, null, null, known_job, is_same, null from job where known_job is not null
        """)

    static let all = [lockUsers, insert]
}
