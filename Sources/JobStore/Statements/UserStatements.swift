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
        from users order by id limit $1
        """)
    static let find = Statement("find_user", "select * from users where id::text = $1 or name = $1")

    static let addDevice = Statement(
        "add_device", "insert into devices (user_id, id, name, token_hash) values ($1, $2, $3, $4)")
    static let authenticate = Statement(
        "authenticate", "select user_id, id from devices where token_hash = $1 and revoked_at is null")
    static let revoke = Statement(
        "revoke_device",
        "update devices set revoked_at = now() where id = $1 and revoked_at is null returning user_id, name")
    static let devices = Statement(
        "list_devices",
        """
        select devices.*, users.name as user_name from devices join users on users.id = devices.user_id
        where $1::uuid is null or user_id = $1 order by devices.id limit $2
        """)

    static let all = [add, list, find, addDevice, authenticate, revoke, devices]
}
