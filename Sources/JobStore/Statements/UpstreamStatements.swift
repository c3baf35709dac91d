enum UpstreamStatements {
    /// Makes sure of the row before it is locked.
    static let openBudget = Statement(
        "open_rate_budget",
        """
        insert into rate_budgets (account, endpoint, arrival) values ($1, $2, clock_timestamp())
        on conflict (account, endpoint) do nothing
        """)

    /// The generic cell rate algorithm: takes one cell if the theoretical arrival is at most `$4` seconds ahead, and
    /// moves it by `$3` seconds. No row: not yet.
    static let takeBudget = Statement(
        "take_rate_budget",
        """
        update rate_budgets set arrival = greatest(arrival, clock_timestamp()) + $3 * interval '1 second'
        where account = $1 and endpoint = $2 and arrival <= clock_timestamp() + $4 * interval '1 second'
            and (held_until is null or held_until <= clock_timestamp())
        returning arrival
        """)

    /// Seconds until a cell may be taken.
    static let untilBudget = Statement(
        "until_rate_budget",
        """
        select greatest(
            extract(epoch from arrival - clock_timestamp()) - $3::double precision,
            extract(epoch from held_until - clock_timestamp())) as seconds
        from rate_budgets where account = $1 and endpoint = $2
        """)

    /// The upstream said to wait: nobody takes a cell before that. Kept apart from the arrival, which a burst may run
    /// ahead of.
    static let holdBudget = Statement(
        "hold_rate_budget",
        """
        insert into rate_budgets (account, endpoint, arrival, held_until)
        values ($1, $2, clock_timestamp(), clock_timestamp() + $3 * interval '1 second')
        on conflict (account, endpoint)
            do update set held_until = greatest(rate_budgets.held_until, excluded.held_until)
        """)

    static let saveModels = Statement(
        "save_models",
        """
        insert into model_catalogues (account, models) values ($1, $2)
        on conflict (account) do update set models = excluded.models, fetched_at = now()
        """)
    static let models = Statement(
        "get_models", "select models, fetched_at from model_catalogues where account = $1")

    /// The first process leaves its key's mark, every later one finds it.
    static let markKey = Statement(
        "mark_sealing_key",
        "update database_epoch set sealing_key_check = coalesce(sealing_key_check, $1) returning sealing_key_check = $1 as fits"
    )

    static let all = [markKey, openBudget, takeBudget, untilBudget, holdBudget, saveModels, models]
}
