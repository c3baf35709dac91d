enum OverviewStatements {
    /// How many jobs are on their way, by state. Ended ones are not counted: there may be millions, and these come from
    /// indexes in which only the others stand.
    static let jobs = Statement(
        "overview_jobs",
        """
        select case when state = 'ready' then 'cleaning_up' else state end as state, count(*) as count from jobs
        where next_action_at is not null group by 1
        union all
        select 'waiting_turn', count(*) from jobs where state = 'accepted' and next_action_at is null
        union all
        select 'attention', count(*) from jobs where state = 'attention'
        """)

    /// For how long the oldest job is due that nobody has taken, and for how long one waits for a person.
    static let waits = Statement(
        "overview_waits",
        """
        select clock_timestamp() as now,
            (select extract(epoch from clock_timestamp() - next_action_at)::double precision from jobs
                where next_action_at is not null order by next_action_at limit 1) as due_seconds,
            (select extract(epoch from clock_timestamp() - min(attention_since))::double precision from jobs
                where state = 'attention') as attention_seconds
        """)

    /// The oldest jobs under way.
    static let slowest = Statement(
        "overview_slowest",
        """
        select \(JobColumn.list), users.name as user_name from jobs join users on users.id = jobs.user_id
        where next_action_at is not null and state <> 'ready' order by jobs.id limit $1
        """)

    /// Where a job stands in line: `$1` user, `$2` job, `$3` its priority, `$4` its account, `$5` the limit of users who have
    /// none of their own.
    static let line = Statement(
        "overview_line",
        """
        select clock_timestamp() as now, users.active_jobs, coalesce(users.active_limit, $5::integer) as active_limit,
            (select count(*) from jobs as other
                where other.user_id = $1 and other.state = 'accepted' and other.next_action_at is null
                    and (other.priority > $3::smallint or (other.priority = $3::smallint and other.id < $2::uuid))
            ) as ahead,
            (select count(*) from jobs where next_action_at is not null and state = 'quoted' and account = $4
            ) as submissions,
            (select count(distinct user_id) from jobs
                where next_action_at is not null and state = 'quoted' and account = $4) as users
        from users where users.id = $1
        """)

    static let all = [jobs, waits, slowest, line]
}
