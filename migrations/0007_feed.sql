-- The user's settings and spending become objects of the feed, so that a phone learns of them as of everything else; and
-- digests of the feed are kept, so that a phone can prove its copy without asking for all of it.

alter table users
    -- The sequences of the last change of what an operator has set for the user, and of what the user has spent.
    add column settings_sequence bigint not null default 0,
    add column spending_sequence bigint not null default 0;
-- Phones that have a cursor are told of both as of a change.
update users set settings_sequence = change_sequence + 1, spending_sequence = change_sequence + 2,
    change_sequence = change_sequence + 2;

-- What is left of a budget stands with the spending, so a change of a budget is a change of both.
create function draw_settings() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and (new.name, new.active_limit, new.has_own_budget, new.budget_per_day, new.budget_per_month)
        is not distinct from (old.name, old.active_limit, old.has_own_budget, old.budget_per_day, old.budget_per_month)
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
-- Only for statements that name these columns: the counters, which change all the time, pay nothing for it.
create trigger user_draws_settings
    before insert or update of name, active_limit, has_own_budget, budget_per_day, budget_per_month on users
    for each row execute function draw_settings();

-- As before, and with a sequence for the spending of each user whose spending has changed. Whoever writes to the ledger
-- holds the locks on these users' rows already, in everybody's order, so this waits for nobody.
create or replace function count_spending() returns trigger language plpgsql as $$
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

-- The digest of a user's feed, kept from the first time that one is asked for, and brought forward when it is asked for
-- again. Whoever does so holds the lock on this row.
create table feed_digests (
    user_id uuid primary key references users (id),
    -- All changes up to here are counted.
    sequence bigint not null default 0 check (sequence >= 0)
);

-- What is counted, at which version. Without a reference to the user, which would cost as much as the row.
create table feed_digest_entries (
    user_id uuid not null,
    kind text not null,
    id uuid not null,
    -- Where the object stands in the tree: 16 hexadecimal digits, which follow from its kind and id.
    place text collate "C" not null check (place ~ '^[0-9a-f]{16}$'),
    sequence bigint not null,
    -- The object's tombstone has been pruned, perhaps before the digest learned of it: to be taken off.
    is_forgotten boolean not null default false,
    primary key (user_id, kind, id)
) with (fillfactor = 80);
create index feed_digest_places on feed_digest_entries (user_id, place);
create index feed_digest_forgotten on feed_digest_entries (user_id) where is_forgotten;

-- Sums over all entries whose place begins with the prefix.
create table feed_digest_nodes (
    user_id uuid not null,
    prefix text collate "C" not null check (prefix ~ '^[0-9a-f]{0,3}$'),
    count integer not null check (count > 0),
    digest text not null check (digest ~ '^[0-9a-f]{32}$'),
    primary key (user_id, prefix)
) with (fillfactor = 60);   -- the upper ones change each time
