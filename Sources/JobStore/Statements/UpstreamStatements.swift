enum UpstreamStatements {
    /// Makes sure of the row before it is locked.
    static let openBudget = Statement(
        "open_rate_budget",
        """
        insert into rate_budgets (account, endpoint) values ($1, $2) on conflict (account, endpoint) do nothing
        """)

    /// Grants up to `$3` requests now: no more than `$4` in `$5` seconds, nor than `$6` in `$7` seconds, less where the
    /// upstream told a smaller limit, and none while it has asked for a pause. Without a grant, `seconds` says when to ask
    /// again.
    static let takeBudget = Statement(
        "take_rate_budget",
        """
        with budget as materialized (
            select grants, held_until, rested_until, told_limit, told_until from rate_budgets
            where account = $1 and endpoint = $2 for update
        ), clock as materialized (  -- read behind the lock, so that grants are in the order of their times
            select at, grants, held_until, rested_until, least($4::bigint, told) as most,
                greatest(1, $6::bigint * least($4::bigint, told) / $4::bigint) as burst
            from (
                select clock_timestamp() as at, grants, held_until, rested_until,
                    case when told_until > clock_timestamp() then told_limit end as told from budget
            ) as read
        ), recent as materialized (
            select granted, row_number() over (order by granted desc) as place
            from clock, unnest(grants) as granted where granted > at - $5 * interval '1 second'
        ), room as materialized (
            select case when greatest(held_until, rested_until) > at then 0 else greatest(0, least(
                case when rested_until is not null then 1 else $3::bigint end, most - (select count(*) from recent),
                burst - (select count(*) from recent where granted > at - $7 * interval '1 second')
            )) end as cells from clock
        ), taken as (
            update rate_budgets set grants =
                array(select granted from recent order by granted) || array_fill(clock.at, array[room.cells::integer]),
                -- One probe, and the next only when nothing has come of it for a while.
                rested_until = case when clock.rested_until is not null then clock.at + $8 * interval '1 second' end,
                is_probing = clock.rested_until is not null
            from room, clock where account = $1 and endpoint = $2 and room.cells > 0
        )
        select room.cells, clock.rested_until is not null as is_probing, extract(epoch from greatest(
            held_until - at, rested_until - at,
            (select granted from recent where place = most) + $5 * interval '1 second' - at,
            (select granted from recent where place = burst) + $7 * interval '1 second' - at
        ))::double precision as seconds from room, clock
        """)

    /// The upstream said to wait: nobody is granted a request before that.
    static let holdBudget = Statement(
        "hold_rate_budget",
        """
        insert into rate_budgets (account, endpoint, held_until)
        values ($1, $2, clock_timestamp() + $3 * interval '1 second')
        on conflict (account, endpoint)
            do update set held_until = greatest(rate_budgets.held_until, excluded.held_until)
        """)

    /// The upstream named a limit that is smaller than ours: it holds for `$4` seconds, and a smaller one that still holds
    /// stays.
    static let tellLimit = Statement(
        "tell_limit",
        """
        insert into rate_budgets (account, endpoint, told_limit, told_until)
        values ($1, $2, $3::integer, clock_timestamp() + $4 * interval '1 second')
        on conflict (account, endpoint) do update set
            told_limit = case when rate_budgets.told_until > clock_timestamp()
                then least(rate_budgets.told_limit, excluded.told_limit) else excluded.told_limit end,
            told_until = greatest(rate_budgets.told_until, excluded.told_until)
        """)

    /// Every budget that has been used; `$1` seconds are its window, `$2` that of failures.
    static let budgets = Statement(
        "list_rate_budgets",
        """
        select budget.account, endpoint, is_probing,
            (select count(*) from unnest(grants) as g where g > clock_timestamp() - $1 * interval '1 second') as used,
            (select extract(epoch from min(g) - clock_timestamp())::double precision + $1 from unnest(grants) as g
                where g > clock_timestamp() - $1 * interval '1 second') as free_seconds,
            case when told_until > clock_timestamp() then told_limit end as told_limit,
            extract(epoch from told_until - clock_timestamp())::double precision as told_seconds,
            extract(epoch from held_until - clock_timestamp())::double precision as held_seconds,
            rested_until is not null as is_resting,
            extract(epoch from rested_until - clock_timestamp())::double precision as rest_seconds,
            (select count(*) from account_failures, unnest(failures) as f
                where account = budget.account and f > clock_timestamp() - $2 * interval '1 second') as failures
        from rate_budgets as budget order by budget.account, endpoint
        """)

    /// Counts a failure of the account; `count` is how many there were in the last `$2` seconds.
    static let countFailure = Statement(
        "count_failure",
        """
        insert into account_failures as old (account, failures) values ($1, array[clock_timestamp()])
        on conflict (account) do update set failures = clock_timestamp() || array(
            select failure from unnest(old.failures) as failure
            where failure > clock_timestamp() - $2 * interval '1 second' order by failure desc limit 100)
        returning cardinality(failures) as count
        """)
    static let forgetFailures = Statement(
        "forget_failures", "update account_failures set failures = '{}' where account = $1")

    /// Rests the account: nothing for `$2` seconds, then single requests.
    static let openBreaker = Statement(
        "open_breaker",
        """
        insert into rate_budgets (account, endpoint, rested_until)
        select $1, endpoint, clock_timestamp() + $2 * interval '1 second'
        from unnest(array['queue', 'retrieve']) as endpoint
        on conflict (account, endpoint) do update
            set rested_until = greatest(rate_budgets.rested_until, excluded.rested_until), is_probing = false
        """)
    /// Only after a probe: an answer that was on its way when the rest began says nothing.
    static let closeBreaker = Statement(
        "close_breaker",
        """
        update rate_budgets set is_probing = false, rested_until = null
        where account = $1 and exists (select from rate_budgets where account = $1 and is_probing)
        returning endpoint
        """)

    /// Adds an observation, the older ones fading so that no more than `$6` count.
    static let observe = Statement(
        "observe_duration",
        """
        insert into duration_laws as old (model, duration, resolution, observations, log_sum, log_squares)
        values ($1, $2, $3, 1, $4, $5)
        on conflict (model, duration, resolution) do update set
            observations = old.observations * least(1, ($6::double precision - 1) / old.observations) + 1,
            log_sum = old.log_sum * least(1, ($6::double precision - 1) / old.observations) + $4,
            log_squares = old.log_squares * least(1, ($6::double precision - 1) / old.observations) + $5,
            updated_at = now()
        """)
    static let laws = Statement(
        "duration_laws", "select * from duration_laws order by updated_at desc limit $1")

    static let saveModels = Statement(
        "save_models",
        """
        insert into model_catalogues (account, models) values ($1, $2)
        on conflict (account) do update set models = excluded.models, fetched_at = now()
        """)
    static let models = Statement(
        "get_models", "select models, fetched_at from model_catalogues where account = $1")

    static let all = [
        openBudget, takeBudget, holdBudget, tellLimit, budgets, countFailure, forgetFailures, openBreaker,
        closeBreaker, observe,
        laws, saveModels, models,
    ]
}
