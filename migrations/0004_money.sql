-- Budgets, and what a person needs to know to decide about money: what the upstream said beside a refusal, since when a
-- job waits for a decision, what the upstream's own record says of a lost answer, and why a job is held back.

-- The audit reads the rows of a job together, and a release finds its reservation by its job.
alter table ledger drop constraint ledger_pkey, add primary key (user_id, job_id, number);
create trigger ledger_is_never_emptied before truncate on ledger for each statement execute function refuse_change();

-- A user's own budget, where null is no limit. Whoever has none of their own has the deployment's default.
alter table users
    add column has_own_budget boolean not null default false,
    add column budget_per_day numeric(18, 6) check (budget_per_day >= 0),
    add column budget_per_month numeric(18, 6) check (budget_per_month >= 0),
    add constraint user_budget_is_own check (has_own_budget or (budget_per_day is null and budget_per_month is null));

-- What counts against budgets: of the reservations made in a period (UTC) what is held, or settled and not refunded.
-- Sums over the ledger, kept so that a reservation need not add up a month; the audit compares them with it.
create table spending (
    user_id uuid not null references users (id),
    period text not null check (period in ('day', 'month')),
    starts_on date not null,
    amount numeric(18, 6) not null,
    primary key (user_id, period, starts_on)
) with (fillfactor = 70);   -- a day's row changes with each of its reservations
create index spending_of_all on spending (period, starts_on);

-- What each row of the ledger changes, with the moment of the reservation that it belongs to: of a job the latest, since
-- a job has one open at a time.
create function count_spending() returns trigger language plpgsql as $$
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
    return null;
end $$;
create trigger ledger_counts_spending after insert on ledger referencing new table as added
    for each statement execute function count_spending();

insert into spending (user_id, period, starts_on, amount)
select user_id, period, date_trunc(period, reserved_at at time zone 'UTC')::date as starts_on, sum(change)
from (
    select entry.user_id, case entry.kind when 'reserve' then entry.amount else -entry.amount end as change,
        (select max(at) from ledger
         where (user_id, job_id) = (entry.user_id, entry.job_id) and kind = 'reserve' and number <= entry.number
        ) as reserved_at
    from ledger as entry where entry.kind <> 'settle'
) as changes, (values ('day'), ('month')) as periods (period)
group by user_id, period, starts_on;

alter table jobs
    -- What the upstream or a budget said beside a failure: another model to try, what was spent, …
    add column failure_notes jsonb,
    -- Why a job that could go on is held back, for whoever waits for it.
    add column hold jsonb,
    add column attention_since timestamptz,
    -- What the upstream's own record says of the lost answer that the job waits with.
    add column attention_verdict text check (attention_verdict in ('not_charged', 'charged', 'undecidable')),
    add constraint job_held_waits check (hold is null or state in ('accepted', 'quoted'));
update jobs set attention_since = updated_at where state = 'attention';

-- A verdict is about the attempt that the job waits with, so neither outlives the waiting.
create function mark_attention() returns trigger language plpgsql as $$
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
create trigger job_marks_attention before update on jobs for each row
    when (old.state = 'attention' or new.state = 'attention') execute function mark_attention();

-- What the upstream's record says of this attempt, with its evidence, as it was last compared.
alter table attempts add column reconciliation jsonb;
