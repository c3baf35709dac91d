enum UserStatements {
    static let add = Statement("add_user", "insert into users (id, name) values ($1, $2) returning *")
    static let list = Statement(
        "list_users",
        """
        select users.*,
            (select count(*) from devices where user_id = users.id and revoked_at is null) as devices,
            (select count(*) from jobs where user_id = users.id and deleted_at is null) as jobs,
            (select coalesce(sum(case kind when 'settle' then amount when 'refund' then -amount else 0 end), 0)
                from ledger where user_id = users.id) as spent,
            coalesce((select amount from spending where user_id = users.id and period = 'day'
                and starts_on = (now() at time zone 'UTC')::date), 0) as today,
            coalesce((select amount from spending where user_id = users.id and period = 'month'
                and starts_on = date_trunc('month', now() at time zone 'UTC')::date), 0) as this_month
        from users where ($2::uuid is null or id = $2::uuid) and ($3::boolean or erased_at is null)
        order by id limit $1
        """)
    static let find = Statement("find_user", "select * from users where id::text = $1 or name = $1")

    /// A user as their own devices see them.
    static let me = Statement(
        "me",
        """
        with clock as materialized (select clock_timestamp() at time zone 'UTC' as now)
        select users.*, now::date::text as day_starts, date_trunc('month', now)::date::text as month_starts,
            coalesce((select amount from spending where user_id = users.id and period = 'day'
                and starts_on = now::date), 0) as today,
            coalesce((select amount from spending where user_id = users.id and period = 'month'
                and starts_on = date_trunc('month', now)::date), 0) as this_month
        from users, clock where users.id = $1
        """)

    /// From here to the transaction's end only this user's rows are there.
    static let see = Statement(
        "see_as_user", isHot: true, "select set_config('gondola.user_id', $1::text, true)")

    /// Whether this role passes every policy.
    static let isUnbound = Statement(
        "is_unbound", "select rolsuper or rolbypassrls as is_unbound from pg_roles where rolname = current_user")

    static let all = [add, list, find, me, see, isUnbound]
}

/// Devices and their tokens. Times are the database's.
enum DeviceStatements {
    /// `$5` scopes, parted by spaces; `$6` seconds until it expires, or null.
    static let add = Statement(
        "add_device",
        """
        insert into devices (user_id, id, name, token_hash, scopes, expires_at)
        select id, $2, $3, $4, string_to_array($5::text, ' '), now() + $6::double precision * interval '1 second'
        from users where id = $1 and erasing_at is null
        """)

    /// Whose token this is, also where it is worth nothing any more: its holder is told why. `$2` is how old a sighting may
    /// be, in seconds.
    static let authenticate = Statement(
        "authenticate", isHot: true,
        """
        select user_id, devices.id, array_to_string(scopes, ' ') as scopes, revoked_at is not null as is_revoked,
            suspended_at is not null as is_suspended,
            extract(epoch from expires_at - clock_timestamp())::double precision as seconds_left,
            coalesce(last_seen_at < clock_timestamp() - $2::double precision * interval '1 second', true) as is_news
        from devices join users on users.id = devices.user_id where token_hash = $1::bytea
        """)

    /// Tells every process in the transaction that revokes, so that none can miss it. `$2` is whose device it must be, or
    /// null for anybody's.
    static let revoke = Statement(
        "revoke_device",
        """
        with revoked as (
            update devices set revoked_at = now()
            where id = $1 and ($2::uuid is null or user_id = $2::uuid) and revoked_at is null returning id, name
        )
        select name, pg_notify('gondola', 'revoked ' || id::text) from revoked
        """)

    /// For the operator: everybody's or one user's, the revoked ones too.
    static let list = Statement(
        "list_devices",
        """
        select devices.*, array_to_string(scopes, ' ') as scope_words, users.name as user_name
        from devices join users on users.id = devices.user_id
        where $1::uuid is null or user_id = $1 order by devices.id limit $2
        """)

    /// For the user: those that have access, newest first; all of them or one.
    static let living = Statement(
        "living_devices",
        """
        select devices.*, array_to_string(scopes, ' ') as scope_words from devices
        where user_id = $1 and ($2::uuid is null or id = $2) and revoked_at is null order by id desc limit $3
        """)

    /// Which of these have no access any more: `$1` users, `$2` devices.
    static let ended = Statement(
        "ended_devices",
        """
        select devices.id, case when devices.revoked_at is not null then 'revoked'
            when devices.expires_at <= clock_timestamp() then 'expired' else 'suspended' end as loss
        from unnest($1::uuid[], $2::uuid[]) as wanted (user_id, id)
        join devices on devices.user_id = wanted.user_id and devices.id = wanted.id
        join users on users.id = devices.user_id
        where devices.revoked_at is not null or devices.expires_at <= clock_timestamp() or suspended_at is not null
        """)

    /// These have been here just now: `$1` users, `$2` devices. Not those whose last sighting is younger than `$3` seconds, nor
    /// those that another process is writing.
    static let markSeen = Statement(
        "mark_seen",
        """
        update devices set last_seen_at = clock_timestamp() from (
            select device.* from unnest($1::uuid[], $2::uuid[]) as wanted (user_id, id) cross join lateral (
                select devices.user_id, devices.id from devices
                where devices.user_id = wanted.user_id and devices.id = wanted.id
                    and coalesce(last_seen_at < clock_timestamp() - $3::double precision * interval '1 second', true)
                for no key update skip locked
            ) as device
        ) as seen where devices.user_id = seen.user_id and devices.id = seen.id
        """)

    static let all = [add, authenticate, revoke, list, living, ended, markSeen]
}
