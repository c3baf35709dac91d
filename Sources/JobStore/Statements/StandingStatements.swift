/// Who is shut out, and which accounts are not to be charged, by an operator's word.
enum StandingStatements {
    static let isSuspended = Statement(
        "is_suspended", "select suspended_at is not null as is_suspended from users where id = $1")

    /// Tells every process in the transaction that suspends, so that none can miss it. A later reason replaces an earlier one.
    static let suspend = Statement(
        "suspend_user",
        """
        with changed as (
            update users set suspended_at = coalesce(suspended_at, clock_timestamp()),
                suspended_reason = coalesce($2, suspended_reason)
            where id = $1 and erasing_at is null returning id, name
        )
        select name, pg_notify('gondola', 'suspended ' || id::text) from changed
        """)

    /// `was_suspended` is read from the row as it was.
    static let resume = Statement(
        "resume_user",
        """
        with held as materialized (
            select id, suspended_at is not null as was_suspended from users
            where id = $1 and erasing_at is null for no key update
        )
        update users set suspended_at = null, suspended_reason = null from held where users.id = held.id
        returning name, was_suspended
        """)

    static let pauseAccount = Statement(
        "pause_account",
        """
        insert into account_pauses as old (account, reason) values ($1, $2)
        on conflict (account) do update set reason = coalesce(excluded.reason, old.reason)
        """)
    static let resumeAccount = Statement(
        "resume_account", "delete from account_pauses where account = $1 returning account")
    static let accountPauses = Statement(
        "list_account_pauses", "select account, since, reason from account_pauses order by account limit $1")

    /// An operator knows better than the breaker: requests go through again, and refusals are counted from nothing.
    static let closeBreakerByHand = Statement(
        "close_breaker_by_hand",
        """
        with forgotten as (update account_failures set failures = '{}' where account = $1)
        update rate_budgets set is_probing = false, rested_until = null
        where account = $1 and (is_probing or rested_until is not null) returning endpoint
        """)

    static let tellOfModels = Statement("tell_of_models", "select pg_notify('gondola', 'models')")

    static let all = [
        isSuspended, suspend, resume, pauseAccount, resumeAccount, accountPauses, closeBreakerByHand, tellOfModels,
    ]
}
