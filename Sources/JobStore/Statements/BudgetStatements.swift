enum BudgetStatements {
    /// Held until the transaction ends.
    static let lockCap = Statement("lock_spending_cap", "select pg_advisory_xact_lock($1)")

    /// Budgets of users with what is spent of them, and what an operator has stopped. By the real time: the transaction may
    /// have begun on another day.
    static let read = Statement(
        "read_budgets",
        """
        with clock as materialized (select clock_timestamp() as now)
        select users.id, has_own_budget, budget_per_day, budget_per_month, now,
            suspended_at is not null as is_suspended,
            array_to_string(array(select account from account_pauses), chr(10)) as paused_accounts,
            coalesce((select amount from spending where user_id = users.id and period = 'day'
                and starts_on = (now at time zone 'UTC')::date), 0) as today,
            coalesce((select amount from spending where user_id = users.id and period = 'month'
                and starts_on = date_trunc('month', now at time zone 'UTC')::date), 0) as this_month
        from users, clock where users.id = any($1::uuid[])
        """)

    /// What all users together have spent.
    static let readAll = Statement(
        "read_all_spending",
        """
        with clock as materialized (select clock_timestamp() at time zone 'UTC' as now)
        select coalesce((select sum(amount) from spending where period = 'day' and starts_on = now::date), 0) as today,
            coalesce((select sum(amount) from spending where period = 'month'
                and starts_on = date_trunc('month', now)::date), 0) as this_month
        from clock
        """)

    /// `$2` says whether the user has a budget of their own.
    static let set = Statement(
        "set_budget",
        """
        update users set has_own_budget = $2, budget_per_day = $3, budget_per_month = $4 where id = $1 returning id
        """)

    /// Limits may have been raised: what is held back is due now.
    static let lookAtHeld = Statement(
        "look_at_held",
        """
        with held as materialized (
            select user_id, id from jobs
            where hold is not null and leased_by is null and next_action_at > clock_timestamp()
            for no key update skip locked
        )
        update jobs set next_action_at = clock_timestamp() from held
        where (jobs.user_id, jobs.id) = (held.user_id, held.id)
        """)

    static let all = [lockCap, read, readAll, set, lookAtHeld]
}
