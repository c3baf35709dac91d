CREATE FUNCTION public.count_spending() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if not exists (select from added where kind <> 'settle') then return null; end if;
    insert into spending as counter (user_id, period, starts_on, amount)
    select user_id, period, date_trunc(period, reserved_at at time zone 'UTC')::date as starts_on, sum(change)
    from (
        select user_id, amount as change, at as reserved_at from added where kind = 'reserve'
        union all
        select added.user_id, -added.amount, reservation.at
        from added left join lateral (
            select ledger.at from ledger
            where (ledger.user_id, ledger.job_id) = (added.user_id, added.job_id)
                and ledger.kind = 'reserve' and ledger.number < added.number
            order by ledger.number desc limit 1
        ) as reservation on true
        where added.kind in ('release', 'refund')
    ) as changes, (values ('day'), ('month')) as periods (period)
    group by user_id, period, starts_on
    order by user_id, period, starts_on
    on conflict (user_id, period, starts_on) do update set amount = counter.amount + excluded.amount;
    update users set change_sequence = change_sequence + 1, spending_sequence = change_sequence + 1
    from (select distinct user_id from added where kind <> 'settle' order by user_id) as spender
    where users.id = spender.user_id;
    return null;
end $$;

CREATE FUNCTION public.draw_settings() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'UPDATE'
        and (new.name, new.active_limit, new.has_own_budget, new.budget_per_day, new.budget_per_month,
            new.has_own_retention, new.keep_days, new.keep_newest, new.quota_bytes, new.quota_removes_oldest)
        is not distinct from (old.name, old.active_limit, old.has_own_budget, old.budget_per_day, old.budget_per_month,
            old.has_own_retention, old.keep_days, old.keep_newest, old.quota_bytes, old.quota_removes_oldest)
    then
        return new;
    end if;
    new.change_sequence = new.change_sequence + 1;
    new.settings_sequence = new.change_sequence;
    if tg_op = 'INSERT' or (new.has_own_budget, new.budget_per_day, new.budget_per_month)
        is distinct from (old.has_own_budget, old.budget_per_day, old.budget_per_month)
    then
        new.change_sequence = new.change_sequence + 1;
        new.spending_sequence = new.change_sequence;
    end if;
    return new;
end $$;

CREATE FUNCTION public.keep_users_apart(owned regclass, owner name DEFAULT 'user_id'::name) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    execute format('alter table %s enable row level security', owned);
    execute format('alter table %s force row level security', owned);
    execute format(
        'create policy only_the_user on %s using ((select visible_user()) is null or %I = (select visible_user()))',
        owned, owner);
end $$;

CREATE FUNCTION public.mark_attention() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if new.state <> 'attention' then
        new.attention_since = null;
        new.attention_verdict = null;
    elsif old.state <> 'attention' or old.attention_kind <> new.attention_kind then
        new.attention_since = clock_timestamp();
        new.attention_verdict = null;
    end if;
    return new;
end $$;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'rows of % are never changed or removed', tg_table_name;
end $$;

CREATE FUNCTION public.visible_user() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    select nullif(current_setting('gondola.user_id', true), '')::uuid
$$;

CREATE TABLE public.account_failures (
    account text NOT NULL,
    failures timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL
);

CREATE TABLE public.account_pauses (
    account text NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    reason text,
    CONSTRAINT account_pauses_account_check CHECK (((length(account) >= 1) AND (length(account) <= 200))),
    CONSTRAINT account_pauses_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);

CREATE TABLE public.assets (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    storage_key text NOT NULL,
    content_type text NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT assets_bytes_check CHECK ((bytes > 0)),
    CONSTRAINT assets_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

ALTER TABLE ONLY public.assets FORCE ROW LEVEL SECURITY;

CREATE TABLE public.attempts (
    user_id uuid NOT NULL,
    job_id uuid NOT NULL,
    lease_token bigint NOT NULL,
    price numeric(18,6) NOT NULL,
    request_sha256 bytea,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    outcome text,
    http_status integer,
    request_id text,
    balance text,
    message text,
    reconciliation jsonb,
    is_of_lost_time boolean DEFAULT false NOT NULL,
    CONSTRAINT attempt_ends_with_an_outcome CHECK (((ended_at IS NULL) = (outcome IS NULL))),
    CONSTRAINT attempts_outcome_check CHECK ((outcome = ANY (ARRAY['accepted'::text, 'refused'::text, 'not_sent'::text, 'lost'::text, 'blocked'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02');

ALTER TABLE ONLY public.attempts FORCE ROW LEVEL SECURITY;

CREATE TABLE public.database_epoch (
    singleton boolean DEFAULT true NOT NULL,
    epoch uuid DEFAULT gen_random_uuid() NOT NULL,
    sealing_key_check bytea,
    CONSTRAINT database_epoch_singleton_check CHECK (singleton)
);

CREATE TABLE public.devices (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    scopes text[] DEFAULT '{read,submit}'::text[] NOT NULL,
    expires_at timestamp with time zone,
    last_seen_at timestamp with time zone,
    CONSTRAINT device_scopes_are_known CHECK (((scopes = '{read}'::text[]) OR (scopes = '{read,submit}'::text[]))),
    CONSTRAINT devices_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT devices_token_hash_check CHECK ((octet_length(token_hash) = 32))
);

ALTER TABLE ONLY public.devices FORCE ROW LEVEL SECURITY;

CREATE TABLE public.duration_laws (
    model text NOT NULL,
    duration text NOT NULL,
    resolution text NOT NULL,
    observations double precision NOT NULL,
    log_sum double precision NOT NULL,
    log_squares double precision NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT duration_laws_log_squares_check CHECK (((log_squares >= (0)::double precision) AND (log_squares < ('1000000000000'::numeric)::double precision))),
    CONSTRAINT duration_laws_log_sum_check CHECK (((log_sum > ('-1000000000000'::numeric)::double precision) AND (log_sum < ('1000000000000'::numeric)::double precision))),
    CONSTRAINT duration_laws_observations_check CHECK (((observations >= (0)::double precision) AND (observations < ('1000000000'::numeric)::double precision)))
)
WITH (fillfactor='70');

CREATE TABLE public.feed_digest_entries (
    user_id uuid NOT NULL,
    kind text NOT NULL,
    id uuid NOT NULL,
    place text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL,
    is_forgotten boolean DEFAULT false NOT NULL,
    CONSTRAINT feed_digest_entries_place_check CHECK ((place ~ '^[0-9a-f]{16}$'::text))
)
WITH (fillfactor='80');

ALTER TABLE ONLY public.feed_digest_entries FORCE ROW LEVEL SECURITY;

CREATE TABLE public.feed_digest_nodes (
    user_id uuid NOT NULL,
    prefix text NOT NULL COLLATE pg_catalog."C",
    count integer NOT NULL,
    digest text NOT NULL,
    CONSTRAINT feed_digest_nodes_count_check CHECK ((count > 0)),
    CONSTRAINT feed_digest_nodes_digest_check CHECK ((digest ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT feed_digest_nodes_prefix_check CHECK ((prefix ~ '^[0-9a-f]{0,3}$'::text))
)
WITH (fillfactor='60');

ALTER TABLE ONLY public.feed_digest_nodes FORCE ROW LEVEL SECURITY;

CREATE TABLE public.feed_digests (
    user_id uuid NOT NULL,
    sequence bigint DEFAULT 0 NOT NULL,
    CONSTRAINT feed_digests_sequence_check CHECK ((sequence >= 0))
);

ALTER TABLE ONLY public.feed_digests FORCE ROW LEVEL SECURITY;

CREATE TABLE public.idempotency_keys (
    user_id uuid NOT NULL,
    key text NOT NULL,
    body_sha256 bytea NOT NULL,
    job_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sequence bigint NOT NULL,
    is_seated boolean NOT NULL,
    CONSTRAINT idempotency_keys_body_sha256_check CHECK ((octet_length(body_sha256) = 32)),
    CONSTRAINT idempotency_keys_key_check CHECK (((length(key) >= 1) AND (length(key) <= 200)))
);

ALTER TABLE ONLY public.idempotency_keys FORCE ROW LEVEL SECURITY;

CREATE TABLE public.job_steps (
    user_id uuid NOT NULL,
    job_id uuid NOT NULL,
    number bigint NOT NULL,
    state text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    decision text,
    CONSTRAINT job_steps_decision_check CHECK ((decision = 'wait'::text))
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');

ALTER TABLE ONLY public.job_steps FORCE ROW LEVEL SECURITY;

ALTER TABLE public.job_steps ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.job_steps_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.jobs (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    state text NOT NULL,
    request json NOT NULL,
    max_price numeric(18,6),
    account text NOT NULL,
    price numeric(18,6),
    submitting_token bigint,
    venice_model text,
    queue_id text,
    sealed_link bytea,
    submitted_at timestamp with time zone,
    usual_seconds double precision,
    polls integer DEFAULT 0 NOT NULL,
    video_id uuid,
    is_cleaned_up boolean,
    failure_code text,
    failure_message text,
    is_refunded boolean,
    attention_kind text,
    attention_evidence text,
    setbacks integer DEFAULT 0 NOT NULL,
    server_errors integer DEFAULT 0 NOT NULL,
    last_setback text,
    next_action_at timestamp with time zone,
    lease_token bigint DEFAULT 0 NOT NULL,
    revision bigint DEFAULT 0 NOT NULL,
    leased_by text,
    change_sequence bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    consent_request jsonb,
    consented_at timestamp with time zone,
    failure_notes jsonb,
    hold jsonb,
    attention_since timestamp with time zone,
    attention_verdict text,
    priority smallint DEFAULT 0 NOT NULL,
    outlook jsonb,
    CONSTRAINT job_attention_says_why CHECK (((state = 'attention'::text) = (attention_kind IS NOT NULL))),
    CONSTRAINT job_consent_is_to_something CHECK (((consent_request IS NOT NULL) OR ((consented_at IS NULL) AND (attention_kind IS DISTINCT FROM 'consent_needed'::text)))),
    CONSTRAINT job_failed_says_why CHECK (((state = 'failed'::text) = (failure_code IS NOT NULL))),
    CONSTRAINT job_held_waits CHECK (((hold IS NULL) OR (state = ANY (ARRAY['accepted'::text, 'quoted'::text])))),
    CONSTRAINT job_paid_has_its_handle CHECK (((state <> ALL (ARRAY['rendering'::text, 'downloading'::text, 'ready'::text])) OR ((queue_id IS NOT NULL) AND (venice_model IS NOT NULL) AND (submitted_at IS NOT NULL)))),
    CONSTRAINT job_priced CHECK (((price IS NOT NULL) OR (state = ANY (ARRAY['accepted'::text, 'failed'::text, 'cancelled'::text])) OR COALESCE((attention_kind = ANY (ARRAY['account_blocked'::text, 'restored'::text])), false))),
    CONSTRAINT job_ready_has_its_video CHECK ((((state = 'ready'::text) = (video_id IS NOT NULL)) AND ((state = 'ready'::text) = (is_cleaned_up IS NOT NULL)))),
    CONSTRAINT job_submitting_names_its_worker CHECK (((state = 'submitting'::text) = (submitting_token IS NOT NULL))),
    CONSTRAINT job_that_waits_its_turn_is_free CHECK (((next_action_at IS NOT NULL) OR (state <> 'accepted'::text) OR (leased_by IS NULL))),
    CONSTRAINT job_under_way_is_scheduled CHECK (((next_action_at IS NOT NULL) OR (state = ANY (ARRAY['accepted'::text, 'ready'::text, 'failed'::text, 'cancelled'::text, 'attention'::text])))),
    CONSTRAINT jobs_attention_kind_check CHECK ((attention_kind = ANY (ARRAY['unknown_outcome'::text, 'account_blocked'::text, 'consent_needed'::text, 'restored'::text]))),
    CONSTRAINT jobs_attention_verdict_check CHECK ((attention_verdict = ANY (ARRAY['not_charged'::text, 'charged'::text, 'undecidable'::text]))),
    CONSTRAINT jobs_max_price_check CHECK ((max_price >= (0)::numeric)),
    CONSTRAINT jobs_price_check CHECK ((price >= (0)::numeric)),
    CONSTRAINT jobs_priority_check CHECK (((priority >= '-1'::integer) AND (priority <= 1))),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['accepted'::text, 'quoted'::text, 'submitting'::text, 'rendering'::text, 'downloading'::text, 'ready'::text, 'failed'::text, 'cancelled'::text, 'attention'::text])))
)
WITH (fillfactor='100', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_analyze_scale_factor='0.02', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY public.jobs FORCE ROW LEVEL SECURITY;

CREATE TABLE public.ledger (
    user_id uuid NOT NULL,
    job_id uuid NOT NULL,
    number bigint NOT NULL,
    kind text NOT NULL,
    amount numeric(18,6) NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT ledger_amount_check CHECK ((amount >= (0)::numeric)),
    CONSTRAINT ledger_kind_check CHECK ((kind = ANY (ARRAY['reserve'::text, 'settle'::text, 'release'::text, 'refund'::text])))
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');

ALTER TABLE ONLY public.ledger FORCE ROW LEVEL SECURITY;

ALTER TABLE public.ledger ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ledger_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.model_catalogues (
    account text NOT NULL,
    models jsonb NOT NULL,
    fetched_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.model_pauses (
    model text NOT NULL,
    failures integer NOT NULL,
    paused_until timestamp with time zone NOT NULL,
    reason text NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    probe_job uuid,
    probe_until timestamp with time zone,
    CONSTRAINT model_pauses_failures_check CHECK ((failures >= 1)),
    CONSTRAINT probe_has_its_time CHECK (((probe_job IS NULL) = (probe_until IS NULL)))
);

CREATE TABLE public.processes (
    id uuid NOT NULL,
    name text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    roles text[] NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    beat_seconds double precision NOT NULL,
    ops_listen text NOT NULL,
    feed_clients integer DEFAULT 0 NOT NULL,
    jobs_in_hand integer DEFAULT 0 NOT NULL,
    stuck_loops text[] DEFAULT '{}'::text[] NOT NULL,
    recent jsonb DEFAULT '{}'::jsonb NOT NULL,
    drain_asked_at timestamp with time zone,
    is_draining boolean DEFAULT false NOT NULL,
    CONSTRAINT processes_beat_seconds_check CHECK ((beat_seconds > (0)::double precision)),
    CONSTRAINT processes_feed_clients_check CHECK ((feed_clients >= 0)),
    CONSTRAINT processes_host_check CHECK (((length(host) >= 1) AND (length(host) <= 200))),
    CONSTRAINT processes_jobs_in_hand_check CHECK ((jobs_in_hand >= 0)),
    CONSTRAINT processes_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT processes_ops_listen_check CHECK ((length(ops_listen) <= 300)),
    CONSTRAINT processes_roles_check CHECK (((roles = '{api}'::text[]) OR (roles = '{worker}'::text[]) OR (roles = '{api,worker}'::text[]))),
    CONSTRAINT processes_version_check CHECK (((length(version) >= 1) AND (length(version) <= 80)))
)
WITH (fillfactor='50');

CREATE TABLE public.rate_budgets (
    account text NOT NULL,
    endpoint text NOT NULL,
    held_until timestamp with time zone,
    grants timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    rested_until timestamp with time zone,
    is_probing boolean DEFAULT false NOT NULL,
    told_limit integer,
    told_until timestamp with time zone,
    CONSTRAINT rate_budgets_told_limit_check CHECK ((told_limit >= 1)),
    CONSTRAINT told_limit_ends CHECK (((told_limit IS NULL) = (told_until IS NULL)))
);

CREATE TABLE public.schema_migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.spending (
    user_id uuid NOT NULL,
    period text NOT NULL,
    starts_on date NOT NULL,
    amount numeric(18,6) NOT NULL,
    CONSTRAINT spending_period_check CHECK ((period = ANY (ARRAY['day'::text, 'month'::text])))
)
WITH (fillfactor='70');

ALTER TABLE ONLY public.spending FORCE ROW LEVEL SECURITY;

CREATE TABLE public.upload_pieces (
    user_id uuid NOT NULL,
    upload_id uuid NOT NULL,
    starts_at bigint NOT NULL,
    bytes bigint NOT NULL,
    storage_key text NOT NULL,
    CONSTRAINT upload_pieces_bytes_check CHECK ((bytes > 0)),
    CONSTRAINT upload_pieces_starts_at_check CHECK ((starts_at >= 0))
);

ALTER TABLE ONLY public.upload_pieces FORCE ROW LEVEL SECURITY;

CREATE TABLE public.uploads (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    bytes bigint NOT NULL,
    received bigint DEFAULT 0 NOT NULL,
    pieces integer DEFAULT 0 NOT NULL,
    metadata text,
    writer uuid,
    writer_until timestamp with time zone,
    finished_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT upload_ends_whole CHECK (((finished_at IS NULL) OR (received = bytes))),
    CONSTRAINT upload_has_its_writer_for_a_time CHECK (((writer IS NULL) = (writer_until IS NULL))),
    CONSTRAINT upload_receives_what_was_announced CHECK (((received >= 0) AND (received <= bytes))),
    CONSTRAINT uploads_bytes_check CHECK ((bytes > 0)),
    CONSTRAINT uploads_metadata_check CHECK ((length(metadata) <= 4096))
);

ALTER TABLE ONLY public.uploads FORCE ROW LEVEL SECURITY;

CREATE TABLE public.users (
    id uuid NOT NULL,
    name text NOT NULL,
    change_sequence bigint DEFAULT 0 NOT NULL,
    feed_floor bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    has_own_budget boolean DEFAULT false NOT NULL,
    budget_per_day numeric(18,6),
    budget_per_month numeric(18,6),
    active_limit integer,
    active_jobs integer DEFAULT 0 NOT NULL,
    settings_sequence bigint DEFAULT 0 NOT NULL,
    spending_sequence bigint DEFAULT 0 NOT NULL,
    has_own_retention boolean DEFAULT false NOT NULL,
    keep_days integer,
    keep_newest integer,
    quota_bytes bigint,
    quota_removes_oldest boolean DEFAULT false NOT NULL,
    suspended_at timestamp with time zone,
    suspended_reason text,
    erasing_at timestamp with time zone,
    erased_at timestamp with time zone,
    CONSTRAINT user_budget_is_own CHECK ((has_own_budget OR ((budget_per_day IS NULL) AND (budget_per_month IS NULL)))),
    CONSTRAINT user_erased_is_shut_out CHECK ((((erasing_at IS NULL) OR (suspended_at IS NOT NULL)) AND ((erased_at IS NULL) OR (erasing_at IS NOT NULL)))),
    CONSTRAINT user_retention_is_own CHECK ((has_own_retention OR ((keep_days IS NULL) AND (keep_newest IS NULL) AND (quota_bytes IS NULL) AND (NOT quota_removes_oldest)))),
    CONSTRAINT user_suspended_says_why CHECK (((suspended_reason IS NULL) OR (suspended_at IS NOT NULL))),
    CONSTRAINT users_active_jobs_check CHECK ((active_jobs >= 0)),
    CONSTRAINT users_active_limit_check CHECK ((active_limit >= 0)),
    CONSTRAINT users_budget_per_day_check CHECK ((budget_per_day >= (0)::numeric)),
    CONSTRAINT users_budget_per_month_check CHECK ((budget_per_month >= (0)::numeric)),
    CONSTRAINT users_keep_days_check CHECK ((keep_days > 0)),
    CONSTRAINT users_keep_newest_check CHECK ((keep_newest > 0)),
    CONSTRAINT users_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT users_quota_bytes_check CHECK ((quota_bytes > 0)),
    CONSTRAINT users_suspended_reason_check CHECK (((length(suspended_reason) >= 1) AND (length(suspended_reason) <= 500)))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='500', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY public.users FORCE ROW LEVEL SECURITY;

CREATE TABLE public.video_pictures (
    user_id uuid NOT NULL,
    video_id uuid NOT NULL,
    kind text NOT NULL,
    storage_key text NOT NULL,
    content_type text NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT video_pictures_bytes_check CHECK ((bytes > 0)),
    CONSTRAINT video_pictures_height_check CHECK ((height > 0)),
    CONSTRAINT video_pictures_kind_check CHECK ((kind = ANY (ARRAY['poster'::text, 'preview'::text]))),
    CONSTRAINT video_pictures_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT video_pictures_width_check CHECK ((width > 0))
);

ALTER TABLE ONLY public.video_pictures FORCE ROW LEVEL SECURITY;

CREATE TABLE public.videos (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    job_id uuid NOT NULL,
    model text NOT NULL,
    storage_key text NOT NULL,
    content_type text NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    duration_seconds double precision,
    width integer,
    height integer,
    has_sound boolean,
    change_sequence bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    frame_rate double precision,
    video_codec text,
    audio_codec text,
    original_sha256 text,
    media_due_at timestamp with time zone DEFAULT now(),
    media_tries integer DEFAULT 0 NOT NULL,
    media_trouble text,
    removing_since timestamp with time zone,
    removed_at timestamp with time zone,
    restored_at timestamp with time zone,
    CONSTRAINT video_removed_is_deleted CHECK ((((removing_since IS NULL) OR (deleted_at IS NOT NULL)) AND ((removed_at IS NULL) OR (removing_since IS NOT NULL)))),
    CONSTRAINT videos_audio_codec_check CHECK (((length(audio_codec) >= 1) AND (length(audio_codec) <= 40))),
    CONSTRAINT videos_bytes_check CHECK ((bytes > 0)),
    CONSTRAINT videos_frame_rate_check CHECK ((frame_rate > (0)::double precision)),
    CONSTRAINT videos_media_tries_check CHECK ((media_tries >= 0)),
    CONSTRAINT videos_media_trouble_check CHECK ((length(media_trouble) <= 500)),
    CONSTRAINT videos_original_sha256_check CHECK ((original_sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT videos_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT videos_video_codec_check CHECK (((length(video_codec) >= 1) AND (length(video_codec) <= 40)))
);

ALTER TABLE ONLY public.videos FORCE ROW LEVEL SECURITY;

ALTER TABLE ONLY public.account_failures
    ADD CONSTRAINT account_failures_pkey PRIMARY KEY (account);

ALTER TABLE ONLY public.account_pauses
    ADD CONSTRAINT account_pauses_pkey PRIMARY KEY (account);

ALTER TABLE ONLY public.assets
    ADD CONSTRAINT assets_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (user_id, job_id, lease_token);

ALTER TABLE ONLY public.database_epoch
    ADD CONSTRAINT database_epoch_pkey PRIMARY KEY (singleton);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.duration_laws
    ADD CONSTRAINT duration_laws_pkey PRIMARY KEY (model, duration, resolution);

ALTER TABLE ONLY public.feed_digest_entries
    ADD CONSTRAINT feed_digest_entries_pkey PRIMARY KEY (user_id, kind, id);

ALTER TABLE ONLY public.feed_digest_nodes
    ADD CONSTRAINT feed_digest_nodes_pkey PRIMARY KEY (user_id, prefix);

ALTER TABLE ONLY public.feed_digests
    ADD CONSTRAINT feed_digests_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key);

ALTER TABLE ONLY public.job_steps
    ADD CONSTRAINT job_steps_pkey PRIMARY KEY (user_id, job_id, number);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (user_id, job_id, number);

ALTER TABLE ONLY public.model_catalogues
    ADD CONSTRAINT model_catalogues_pkey PRIMARY KEY (account);

ALTER TABLE ONLY public.model_pauses
    ADD CONSTRAINT model_pauses_pkey PRIMARY KEY (model);

ALTER TABLE ONLY public.processes
    ADD CONSTRAINT processes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rate_budgets
    ADD CONSTRAINT rate_budgets_pkey PRIMARY KEY (account, endpoint);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.spending
    ADD CONSTRAINT spending_pkey PRIMARY KEY (user_id, period, starts_on);

ALTER TABLE ONLY public.upload_pieces
    ADD CONSTRAINT upload_pieces_pkey PRIMARY KEY (user_id, upload_id, starts_at);

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_name_key UNIQUE (name);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.video_pictures
    ADD CONSTRAINT video_pictures_pkey PRIMARY KEY (user_id, video_id, kind);

ALTER TABLE ONLY public.videos
    ADD CONSTRAINT videos_pkey PRIMARY KEY (user_id, id);

ALTER TABLE ONLY public.videos
    ADD CONSTRAINT videos_user_id_job_id_key UNIQUE (user_id, job_id);

CREATE INDEX assets_deleted ON public.assets USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE INDEX assets_expire ON public.assets USING btree (expires_at) WHERE (deleted_at IS NULL);

CREATE UNIQUE INDEX attempts_one_open ON public.attempts USING btree (user_id, job_id) WHERE (ended_at IS NULL);

CREATE INDEX feed_digest_forgotten ON public.feed_digest_entries USING btree (user_id) WHERE is_forgotten;

CREATE INDEX feed_digest_places ON public.feed_digest_entries USING btree (user_id, place);

CREATE INDEX idempotency_keys_age ON public.idempotency_keys USING btree (created_at);

CREATE INDEX jobs_attention ON public.jobs USING btree (attention_since) WHERE (state = 'attention'::text);

CREATE INDEX jobs_deleted ON public.jobs USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE INDEX jobs_due ON public.jobs USING btree (next_action_at) WHERE (next_action_at IS NOT NULL);

CREATE UNIQUE INDEX jobs_feed ON public.jobs USING btree (user_id, change_sequence);

CREATE UNIQUE INDEX jobs_queue_id ON public.jobs USING btree (account, queue_id) WHERE (queue_id IS NOT NULL);

CREATE INDEX jobs_waiting ON public.jobs USING btree (user_id, priority DESC, id) WHERE ((state = 'accepted'::text) AND (next_action_at IS NULL));

CREATE INDEX spending_of_all ON public.spending USING btree (period, starts_on);

CREATE INDEX uploads_expire ON public.uploads USING btree (expires_at);

CREATE INDEX videos_deleted ON public.videos USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE UNIQUE INDEX videos_feed ON public.videos USING btree (user_id, change_sequence);

CREATE INDEX videos_media_due ON public.videos USING btree (media_due_at) WHERE (media_due_at IS NOT NULL);

CREATE INDEX videos_to_remove ON public.videos USING btree (deleted_at) WHERE ((deleted_at IS NOT NULL) AND (removed_at IS NULL));

CREATE TRIGGER job_marks_attention BEFORE UPDATE ON public.jobs FOR EACH ROW WHEN (((old.state = 'attention'::text) OR (new.state = 'attention'::text))) EXECUTE FUNCTION public.mark_attention();

CREATE TRIGGER ledger_counts_spending AFTER INSERT ON public.ledger REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.count_spending();

CREATE TRIGGER ledger_is_append_only BEFORE DELETE OR UPDATE ON public.ledger FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_is_never_emptied BEFORE TRUNCATE ON public.ledger FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER user_draws_settings BEFORE INSERT OR UPDATE OF name, active_limit, has_own_budget, budget_per_day, budget_per_month, has_own_retention, keep_days, keep_newest, quota_bytes, quota_removes_oldest ON public.users FOR EACH ROW EXECUTE FUNCTION public.draw_settings();

ALTER TABLE ONLY public.assets
    ADD CONSTRAINT assets_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_user_id_job_id_fkey FOREIGN KEY (user_id, job_id) REFERENCES public.jobs(user_id, id);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.feed_digests
    ADD CONSTRAINT feed_digests_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_user_id_job_id_fkey FOREIGN KEY (user_id, job_id) REFERENCES public.jobs(user_id, id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.spending
    ADD CONSTRAINT spending_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.upload_pieces
    ADD CONSTRAINT upload_pieces_user_id_upload_id_fkey FOREIGN KEY (user_id, upload_id) REFERENCES public.uploads(user_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.video_pictures
    ADD CONSTRAINT video_pictures_user_id_video_id_fkey FOREIGN KEY (user_id, video_id) REFERENCES public.videos(user_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.videos
    ADD CONSTRAINT videos_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.videos
    ADD CONSTRAINT videos_user_id_job_id_fkey FOREIGN KEY (user_id, job_id) REFERENCES public.jobs(user_id, id);

ALTER TABLE public.assets ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.attempts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.devices ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.feed_digest_entries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.feed_digest_nodes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.feed_digests ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.job_steps ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.jobs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ledger ENABLE ROW LEVEL SECURITY;

CREATE POLICY only_the_user ON public.assets USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.attempts USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.devices USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.feed_digest_entries USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.feed_digest_nodes USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.feed_digests USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.idempotency_keys USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.job_steps USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.jobs USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.ledger USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.spending USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.upload_pieces USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.uploads USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.users USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.video_pictures USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

CREATE POLICY only_the_user ON public.videos USING (((( SELECT public.visible_user() AS visible_user) IS NULL) OR (user_id = ( SELECT public.visible_user() AS visible_user))));

ALTER TABLE public.spending ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.upload_pieces ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.uploads ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.video_pictures ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.videos ENABLE ROW LEVEL SECURITY;

