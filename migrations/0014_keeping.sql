-- A phone shows how much is kept of its user's videos, and how full the quota is: both rules become part of the settings
-- that the feed carries, so a change of them has to draw a sequence like any other.

create or replace function draw_settings() returns trigger language plpgsql as $$
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

drop trigger user_draws_settings on users;
create trigger user_draws_settings
    before insert or update of name, active_limit, has_own_budget, budget_per_day, budget_per_month,
        has_own_retention, keep_days, keep_newest, quota_bytes, quota_removes_oldest on users
    for each row execute function draw_settings();

-- Phones that have a cursor are told of the rules that they do not know yet.
update users set change_sequence = change_sequence + 1, settings_sequence = change_sequence + 1;
