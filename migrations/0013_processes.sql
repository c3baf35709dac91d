-- Which processes work here: each says now and then that it is there and what it does, and looks whether it is asked to end
-- in order. Nothing else hangs on it: leases end by themselves, and a process that cannot write here works on.
create table processes (
    id uuid primary key,
    -- As jobs.leased_by names it.
    name text not null check (length(name) between 1 and 200),
    host text not null check (length(host) between 1 and 200),
    pid integer not null,
    version text not null check (length(version) between 1 and 80),
    roles text[] not null check (roles = '{api}' or roles = '{worker}' or roles = '{api,worker}'),
    started_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    -- How often it means to say so.
    beat_seconds double precision not null check (beat_seconds > 0),
    -- Where its operator's listener is, as it sees it itself.
    ops_listen text not null check (length(ops_listen) <= 300),
    feed_clients integer not null default 0 check (feed_clients >= 0),
    jobs_in_hand integer not null default 0 check (jobs_in_hand >= 0),
    -- Loops that should have gone round by now and have not.
    stuck_loops text[] not null default '{}',
    -- What it has done in the last minute, for whoever watches.
    recent jsonb not null default '{}',
    drain_asked_at timestamptz,
    -- Takes nothing new any more.
    is_draining boolean not null default false
) with (fillfactor = 50);   -- each row changes every few seconds, and none of what changes is indexed

-- Few jobs wait for a person, and whoever watches counts them all the time.
create index jobs_attention on jobs (attention_since) where state = 'attention';
