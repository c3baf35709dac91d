-- Looks at renderings are planned now, and each is worth something: the budget counts what the upstream counts, requests
-- in a sliding window, so that nothing is held back for the sake of a formula; and what is learned about durations is
-- shared by all processes. Failures are counted across processes too, so that an account is rested before the upstream
-- blocks it.

alter table rate_budgets
    drop column arrival,
    -- When the requests of the last window were granted, oldest first. Bounded by the limit itself.
    add column grants timestamptz[] not null default '{}',
    -- Set while the account rests, and after that while single requests try whether it is well again.
    add column rested_until timestamptz,
    -- Such a request is out, or has been.
    add column is_probing boolean not null default false;
-- What went out before the upgrade is not in the new column: a window's pause keeps the sum right.
update rate_budgets set held_until = greatest(held_until, clock_timestamp() + interval '61 seconds');

-- When the account's last failures were, within the upstream's window; emptied when the account is rested.
create table account_failures (
    account text primary key,
    failures timestamptz[] not null default '{}'
);

-- What has been seen of the durations of one kind of rendering: sums over the logarithms of seconds, old ones fading.
create table duration_laws (
    model text not null,
    duration text not null,
    resolution text not null,
    observations double precision not null check (observations >= 0 and observations < 1e9),
    log_sum double precision not null check (log_sum > -1e12 and log_sum < 1e12),
    log_squares double precision not null check (log_squares >= 0 and log_squares < 1e12),
    updated_at timestamptz not null default now(),
    primary key (model, duration, resolution)
) with (fillfactor = 70);
