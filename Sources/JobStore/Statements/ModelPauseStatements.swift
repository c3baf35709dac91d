enum ModelPauseStatements {
    /// A model was found offline or at capacity. Those that fail while it is paused already add nothing; the next pause in a
    /// row is twice as long, from `$3` to `$4` seconds, and no shorter than the `$5` that the upstream asked for.
    static let pause = Statement(
        "pause_model",
        """
        with span as (
            select $3::double precision as first, $4::double precision as longest, $5::double precision as told
        )
        insert into model_pauses as old (model, failures, reason, paused_until)
        select $1, 1, $2, clock_timestamp() + least(longest, greatest(first, told)) * interval '1 second' from span
        on conflict (model) do update set reason = excluded.reason,
            failures = old.failures + case when old.paused_until > clock_timestamp() then 0 else 1 end,
            paused_until = case when old.paused_until > clock_timestamp() then old.paused_until
                else clock_timestamp() + interval '1 second' * (
                    select least(longest, greatest(first * 2 ^ least(old.failures, 31), told)) from span) end,
            probe_job = null, probe_until = null
        returning failures, extract(epoch from paused_until - clock_timestamp())::double precision as seconds
        """)

    /// Lets one job try a model whose pause is over, for `$3` seconds. It may ask again meanwhile; no other may.
    static let probe = Statement(
        "probe_model",
        """
        update model_pauses set probe_job = $2, probe_until = clock_timestamp() + $3 * interval '1 second'
        where model = $1 and paused_until <= clock_timestamp()
            and (probe_job is null or probe_job = $2 or probe_until <= clock_timestamp())
        returning model
        """)

    static let resume = Statement("resume_model", "delete from model_pauses where model = $1 returning model")

    static let list = Statement(
        "list_model_pauses",
        """
        select model, failures, reason, since, probe_job,
            extract(epoch from paused_until - clock_timestamp())::double precision as pause_seconds,
            extract(epoch from probe_until - clock_timestamp())::double precision as probe_seconds
        from model_pauses order by model limit $1
        """)

    static let all = [pause, probe, resume, list]
}
