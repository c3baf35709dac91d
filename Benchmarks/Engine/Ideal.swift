/// The statements of an ideal engine on our own schema, and nothing else: what Postgres can do at most.
///
/// A claim locks what is due, moves it to the end of a lease, counts the fencing token and answers with the keys. A finish
/// draws the sequences of the users concerned, which is the feed of our design, and writes the end of the jobs. Each is a
/// transaction of its own. There is no timeline, no check of what was written, and nobody reads the request.
enum Ideal {
    private static func due(_ limit: Int) -> String {
        """
        with due as materialized (
            select user_id, id from jobs where next_action_at <= statement_timestamp()
            order by next_action_at limit \(limit) for update skip locked
        )
        """
    }

    private static let lease = """
        update jobs set next_action_at = clock_timestamp() + interval '60 seconds', lease_token = lease_token + 1,
            leased_by = 'pgbench'
        from due where (jobs.user_id, jobs.id) = (due.user_id, due.id)
        """

    private static let ending = """
        update jobs set state = 'failed', failure_code = 'refused', failure_message = 'nothing to do',
            next_action_at = null, leased_by = null, revision = revision + 1, updated_at = clock_timestamp()
        """

    /// Claims and finishes `batch` jobs. With `steps`, each finish adds the job's row of the timeline as well.
    static func batched(_ batch: Int, steps: Bool) -> String {
        """
        \(due(batch)), claimed as (
            \(lease) returning jobs.user_id, jobs.id, jobs.lease_token
        )
        select coalesce(array_agg(user_id), '{}') as users, coalesce(array_agg(id), '{}') as ids,
            coalesce(array_agg(lease_token), '{}') as tokens
        from claimed \\gset
        with held as materialized (
            select * from unnest(:users::uuid[], :ids::uuid[], :tokens::bigint[]) as held (user_id, id, token)
        ), locked as materialized (
            select id, change_sequence from users where id in (select user_id from held) order by id for update
        ), numbered as materialized (
            select held.*, change_sequence + row_number() over (partition by user_id order by held.id) as sequence
            from held join locked on locked.id = held.user_id
        ), drawn as (
            update users set change_sequence = last
            from (select user_id, max(sequence) as last from numbered group by user_id) as numbers
            where users.id = numbers.user_id
        )\(steps ? ", timeline as (insert into job_steps (user_id, job_id, state) select user_id, id, 'failed' from held)" : "")
        \(ending), change_sequence = numbered.sequence
        from numbered where (jobs.user_id, jobs.id, jobs.lease_token) = (numbered.user_id, numbered.id, numbered.token);
        """
    }

    private static let claimOne = """
        \(due(1))
        \(lease) returning jobs.user_id as user, jobs.id as job, jobs.lease_token as token
        """

    /// Claims one job.
    static let claim = claimOne + ";"

    /// Claims one job and finishes it.
    static let single = """
        \(claimOne) \\gset
        with drawn as (
            update users set change_sequence = change_sequence + 1 where id = :user::uuid returning change_sequence
        )
        \(ending), change_sequence = drawn.change_sequence
        from drawn where user_id = :user::uuid and id = :job::uuid and lease_token = :token::bigint;
        """

    /// Takes in `count` jobs of users in turn, each with the next sequence of its user and its row of the timeline.
    static func submission(_ count: Int) -> String {
        """
        with drawn as materialized (
            update users set change_sequence = change_sequence + \(count / Cluster.users)
            returning id, change_sequence - \(count / Cluster.users) as before
        ), added as (
            insert into jobs (user_id, id, state, request, account, next_action_at, change_sequence)
            select drawn.id, \(Seed.job("n * \(Cluster.users) + row_number() over ()")), 'accepted', '\(Seed.request)',
                'default', clock_timestamp(), before + n
            from drawn, generate_series(1, \(count / Cluster.users)) n
            returning user_id, id
        )
        insert into job_steps (user_id, job_id, state) select user_id, id, 'accepted' from added;
        """
    }
}
