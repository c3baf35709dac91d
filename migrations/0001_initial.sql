-- The first schema. Every key of a user's things starts with the user, so that the data can be distributed by user.
-- What must never be true is refused here, where no code path can skip it.

-- Names this history of the data. A restore gives the database another epoch, so that the cursors of the lost future
-- start over instead of silently pointing at the wrong changes.
create table database_epoch (
    singleton boolean primary key default true check (singleton),
    epoch uuid not null default gen_random_uuid(),
    -- Recognises the key that secrets are sealed with: a process with another key could not read them.
    sealing_key_check bytea
);
insert into database_epoch default values;

create table users (
    id uuid primary key,
    name text not null unique check (length(name) between 1 and 200),
    -- The sequence of this user's last change. A change draws the next one in its own transaction, and the lock on this
    -- row makes commit order equal sequence order: a cursor cannot skip a transaction that commits late.
    change_sequence bigint not null default 0,
    -- Tombstones up to here have been pruned: older cursors must start over.
    feed_floor bigint not null default 0,
    created_at timestamptz not null default now()
) with (fillfactor = 70);   -- room for the counter's updates on the same page

create table devices (
    user_id uuid not null references users (id),
    id uuid not null,
    name text not null check (length(name) between 1 and 200),
    -- SHA-256 of the bearer token; the token itself is nowhere.
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    primary key (user_id, id)
);

create table jobs (
    user_id uuid not null references users (id),
    id uuid not null,
    state text not null check (state in (
        'accepted', 'quoted', 'submitting', 'rendering', 'downloading', 'ready', 'failed', 'cancelled', 'attention')),
    request jsonb not null,
    max_price numeric(18, 6) check (max_price >= 0),
    -- The account upstream: a job stays with the one that submitted it.
    account text not null,
    price numeric(18, 6) check (price >= 0),
    submitting_token bigint,
    venice_model text,
    queue_id text,
    -- The private download link, sealed with AES-GCM: whoever has it has the video.
    sealed_link bytea,
    submitted_at timestamptz,
    usual_seconds double precision,
    polls integer not null default 0,
    video_id uuid,
    is_cleaned_up boolean,
    failure_code text,
    failure_message text,
    is_refunded boolean,
    attention_kind text check (attention_kind in ('unknown_outcome', 'account_blocked')),
    attention_evidence text,
    setbacks integer not null default 0,
    server_errors integer not null default 0,
    -- Why the last try did not get further, for the operator.
    last_setback text,
    -- Lease and schedule in one: when the next look is due. A claim moves it to the end of the lease.
    next_action_at timestamptz,
    lease_token bigint not null default 0,
    -- Counts the steps written. A commit names the one it starts from, so that repeating it after a lost answer is safe.
    revision bigint not null default 0,
    leased_by text,
    change_sequence bigint not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (user_id, id),
    constraint job_under_way_is_scheduled check (
        next_action_at is not null or state in ('ready', 'failed', 'cancelled', 'attention')),
    constraint job_priced check (
        price is not null or state in ('accepted', 'failed', 'cancelled')
        or attention_kind is not distinct from 'account_blocked'),
    constraint job_submitting_names_its_worker check ((state = 'submitting') = (submitting_token is not null)),
    constraint job_paid_has_its_handle check (
        state not in ('rendering', 'downloading', 'ready')
        or (queue_id is not null and venice_model is not null and submitted_at is not null)),
    constraint job_ready_has_its_video check (
        (state = 'ready') = (video_id is not null) and (state = 'ready') = (is_cleaned_up is not null)),
    constraint job_failed_says_why check ((state = 'failed') = (failure_code is not null)),
    constraint job_attention_says_why check ((state = 'attention') = (attention_kind is not null))
) with (fillfactor = 80);   -- a job's row changes about ten times

create unique index jobs_feed on jobs (user_id, change_sequence);
-- Small whatever the table's size: only jobs under way stand in it.
create index jobs_due on jobs (next_action_at) where next_action_at is not null;
-- One paid thing upstream belongs to one job.
create unique index jobs_queue_id on jobs (account, queue_id) where queue_id is not null;

-- The answer to a submission is kept by the key that the phone chose: asking again is safe.
create table idempotency_keys (
    user_id uuid not null references users (id),
    key text not null check (length(key) between 1 and 200),
    body_sha256 bytea not null check (octet_length(body_sha256) = 32),
    job_id uuid not null,
    created_at timestamptz not null default now(),
    primary key (user_id, key),
    foreign key (user_id, job_id) references jobs (user_id, id)
);

-- The way of a job: one row for each state it entered.
create table job_steps (
    user_id uuid not null,
    job_id uuid not null,
    number bigint generated always as identity,
    state text not null,
    at timestamptz not null default clock_timestamp(),
    primary key (user_id, job_id, number),
    foreign key (user_id, job_id) references jobs (user_id, id)
);

-- Every paid request, with its evidence. The row is there before the request leaves.
create table attempts (
    user_id uuid not null,
    job_id uuid not null,
    lease_token bigint not null,
    price numeric(18, 6) not null,
    request_sha256 bytea,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    outcome text check (outcome in ('accepted', 'refused', 'not_sent', 'lost', 'blocked')),
    http_status integer,
    request_id text,
    balance text,
    message text,
    primary key (user_id, job_id, lease_token),
    foreign key (user_id, job_id) references jobs (user_id, id),
    constraint attempt_ends_with_an_outcome check ((ended_at is null) = (outcome is null))
);
create unique index attempts_one_open on attempts (user_id, job_id) where ended_at is null;

-- Append-only. What a user has spent and what is held for jobs under way are sums over it.
create table ledger (
    user_id uuid not null,
    job_id uuid not null,
    number bigint generated always as identity,
    kind text not null check (kind in ('reserve', 'settle', 'release', 'refund')),
    amount numeric(18, 6) not null check (amount >= 0),
    at timestamptz not null default clock_timestamp(),
    primary key (user_id, number),
    foreign key (user_id, job_id) references jobs (user_id, id)
);
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are never changed or removed', tg_table_name;
end $$;
create trigger ledger_is_append_only before update or delete on ledger
    for each row execute function refuse_change();

create table videos (
    user_id uuid not null references users (id),
    id uuid not null,
    job_id uuid not null,
    model text not null,
    storage_key text not null,
    content_type text not null,
    bytes bigint not null check (bytes > 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    duration_seconds double precision,
    width integer,
    height integer,
    has_sound boolean,
    change_sequence bigint not null,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (user_id, id),
    unique (user_id, job_id),
    foreign key (user_id, job_id) references jobs (user_id, id)
);
create unique index videos_feed on videos (user_id, change_sequence);

create table assets (
    user_id uuid not null references users (id),
    id uuid not null,
    storage_key text not null,
    content_type text not null,
    bytes bigint not null check (bytes > 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    created_at timestamptz not null default now(),
    primary key (user_id, id)
);

-- One row an account and endpoint: the generic cell rate algorithm's theoretical arrival time, shared by all workers.
create table rate_budgets (
    account text not null,
    endpoint text not null,
    arrival timestamptz not null,
    -- The upstream asked for a pause until then.
    held_until timestamptz,
    primary key (account, endpoint)
);

-- What the upstream last said that it offers, so that a start without it still knows the models.
create table model_catalogues (
    account text primary key,
    models jsonb not null,
    fetched_at timestamptz not null default now()
);
