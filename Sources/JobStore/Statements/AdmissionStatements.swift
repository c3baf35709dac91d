enum AdmissionStatements {
    /// The jobs of a user that wait for their turn.
    static func waiting(of user: String) -> String {
        """
        select from jobs as waiting
        where waiting.user_id = \(user) and waiting.state = 'accepted' and waiting.next_action_at is null
        """
    }

    /// Which of these users have room, by the default limit `$2`, and jobs that wait for it. Locks them, in the order of
    /// everybody.
    static let room = Statement(
        "room_of_users",
        """
        select id, coalesce(active_limit, $2::integer) - active_jobs as room from users
        where id = any($1::uuid[]) and coalesce(active_limit, $2::integer) > active_jobs and suspended_at is null
            and exists (\(waiting(of: "users.id")))
        order by id for no key update
        """)

    /// Admits up to `$2` waiting jobs of a user whose row is locked: the most urgent, then the oldest. One that somebody is
    /// just cancelling is passed over, since waiting for it would wait for whoever waits for us.
    static let admit = Statement(
        "admit_jobs",
        """
        with chosen as materialized (
            select id, priority from jobs where user_id = $1 and state = 'accepted' and next_action_at is null
            order by priority desc, id limit $2 for no key update skip locked
        ), numbered as materialized (
            select id, row_number() over (order by priority desc, id) as place from chosen
        ), seated as (
            update users set active_jobs = active_jobs + (select count(*) from numbered),
                change_sequence = change_sequence + (select count(*) from numbered)
            where id = $1 returning change_sequence - (select count(*) from numbered) as before
        )
        update jobs set next_action_at = clock_timestamp(), change_sequence = seated.before + numbered.place,
            updated_at = clock_timestamp()
        from numbered, seated where jobs.user_id = $1 and jobs.id = numbered.id
        returning jobs.id
        """)

    /// Users whose count is wrong, or who have room and jobs that wait for it.
    static let leftBehind = Statement(
        "users_left_behind",
        """
        select users.id from users left join (
            select user_id, count(*) as active from jobs where next_action_at is not null and state <> 'ready'
            group by user_id
        ) as counted on counted.user_id = users.id
        where active_jobs <> coalesce(active, 0) or (active_jobs < coalesce(active_limit, $1::integer)
            and suspended_at is null and exists (\(waiting(of: "users.id"))))
        order by users.id limit $2
        """)

    static let lockUser = Statement("lock_user", "select id from users where id = $1 for no key update")

    /// With the user's row locked no job of theirs begins or ends meanwhile.
    static let recount = Statement(
        "recount_active_jobs",
        """
        update users set active_jobs = (
            select count(*) from jobs where user_id = $1 and next_action_at is not null and state <> 'ready')
        where id = $1
        """)

    static let setLimit = Statement(
        "set_active_limit", "update users set active_limit = $2 where id = $1 returning name")

    static let all = [room, admit, leftBehind, lockUser, recount, setLimit]
}
