-- What a device may do and until when, answers that can be given again, and a second wall between users: also a statement
-- that forgets to name the user sees nothing of another's.

alter table devices
    -- What the token allows. Whoever may submit may read.
    add column scopes text[] not null default '{read,submit}',
    add column expires_at timestamptz,
    -- To within some minutes: not worth a write with each request.
    add column last_seen_at timestamptz,
    add constraint device_scopes_are_known check (scopes in ('{read}', '{read,submit}'));

-- A repeated submission gets the answer that the first one got. All of it but these two stands in the job's row for good.
alter table idempotency_keys add column sequence bigint, add column is_seated boolean;
update idempotency_keys set sequence = jobs.change_sequence, is_seated = true from jobs
where jobs.user_id = idempotency_keys.user_id and jobs.id = idempotency_keys.job_id;
alter table idempotency_keys alter column sequence set not null, alter column is_seated set not null;

-- A step that changed nothing but is worth knowing: somebody has looked and chosen to wait.
alter table job_steps add column decision text check (decision = 'wait');

-- Whose rows the transaction may see; null for everybody's. Workers and operators never say; the phone's API does with each
-- transaction that is one user's: all but the batch of several users' submissions, the look-up of a token, the looks for
-- devices that lost their access and for feeds that have gone on, and the note of who was here. A setting and not a role,
-- since making and taking on roles needs rights that a hosted database does not give.
create function visible_user() returns uuid language sql stable parallel safe as $$
    select nullif(current_setting('gondola.user_id', true), '')::uuid
$$;

-- For every table with rows of users, of later migrations too. Forced, because Gondola is usually the tables' owner, whom
-- policies do not bind otherwise. In subqueries, so that the setting is looked at once a statement and not once a row.
create function keep_users_apart(owned regclass, owner name default 'user_id') returns void language plpgsql as $$
begin
    execute format('alter table %s enable row level security', owned);
    execute format('alter table %s force row level security', owned);
    execute format(
        'create policy only_the_user on %s using ((select visible_user()) is null or %I = (select visible_user()))',
        owned, owner);
end $$;

select keep_users_apart('users', 'id');
select keep_users_apart(attrelid::regclass) from pg_attribute join pg_class on pg_class.oid = attrelid
where attname = 'user_id' and relkind = 'r' and relnamespace = 'public'::regnamespace and not attisdropped
order by relname;
