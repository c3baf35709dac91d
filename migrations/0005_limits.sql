-- Fairness between users, and pauses of models. A user has so many jobs under way and no more: the others stay `accepted`
-- without a schedule, where no worker's claim meets them, and the next is admitted right after one ends.

alter table users
    -- The user's own limit of jobs under way; null for the deployment's. 0 lets nothing new begin.
    add column active_limit integer check (active_limit >= 0),
    -- How many are under way. Moves with the jobs, under the lock on this row that each of their changes takes anyway;
    -- a sweep counts again, so a mistake does not last.
    add column active_jobs integer not null default 0 check (active_jobs >= 0);

alter table jobs
    -- -1 low, 0 normal, 1 high: among the jobs of one user.
    add column priority smallint not null default 0 check (priority between -1 and 1),
    -- Since when trouble lasts, what the job waits for, how long the rendering is expected to take.
    add column outlook jsonb,
    drop constraint job_under_way_is_scheduled,
    -- An accepted job without a schedule waits for its turn.
    add constraint job_under_way_is_scheduled check (
        next_action_at is not null or state in ('accepted', 'ready', 'failed', 'cancelled', 'attention')),
    add constraint job_that_waits_its_turn_is_free check (
        next_action_at is not null or state <> 'accepted' or leased_by is null);

-- In the order of admission. Only jobs that wait for their turn stand in it.
create index jobs_waiting on jobs (user_id, priority desc, id) where state = 'accepted' and next_action_at is null;

update users set active_jobs = counted.active from (
    select user_id, count(*) as active from jobs where next_action_at is not null and state <> 'ready' group by user_id
) as counted where counted.user_id = users.id;

alter table rate_budgets
    -- A smaller limit that the upstream's headers told, and until when it is believed.
    add column told_limit integer check (told_limit >= 1),
    add column told_until timestamptz,
    add constraint told_limit_ends check ((told_limit is null) = (told_until is null));

-- Models that are offline or at capacity. Nobody asks for them until the pause is over; then one job tries.
create table model_pauses (
    model text primary key,
    -- Pauses in a row, which the length of the next follows from.
    failures integer not null check (failures >= 1),
    paused_until timestamptz not null,
    -- The upstream's words.
    reason text not null,
    since timestamptz not null default clock_timestamp(),
    -- The job that tries, and until when it may take.
    probe_job uuid,
    probe_until timestamptz,
    constraint probe_has_its_time check ((probe_job is null) = (probe_until is null))
);
