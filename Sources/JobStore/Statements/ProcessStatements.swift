enum ProcessStatements {
    /// A process says that it is there, and hears whether it is asked to drain. Rows of processes that ended without a word
    /// go after a day, or with the first word of one that has their name and number: that is the next run of the same.
    static let beat = Statement(
        "beat_process",
        """
        with gone as (
            delete from processes where id <> $1 and (seen_at < clock_timestamp() - interval '1 day'
                or name = $2 and host = $3 and pid = $4 and not exists (select from processes as own where own.id = $1))
        )
        insert into processes as old (id, name, host, pid, version, roles, beat_seconds, ops_listen, feed_clients,
            jobs_in_hand, stuck_loops, is_draining, recent)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        on conflict (id) do update set seen_at = clock_timestamp(), beat_seconds = excluded.beat_seconds,
            feed_clients = excluded.feed_clients, jobs_in_hand = excluded.jobs_in_hand,
            stuck_loops = excluded.stuck_loops, is_draining = excluded.is_draining, recent = excluded.recent
        returning drain_asked_at is not null as is_asked_to_drain
        """)

    static let end = Statement("end_process", "delete from processes where id = $1")

    /// Oldest first, each with what its leases hold: those that have not run out. Of two of one name the leases are the one's
    /// that was seen last.
    static let list = Statement(
        "list_processes",
        """
        with leases as (
            select leased_by, count(*) as count from jobs
            where next_action_at > clock_timestamp() and leased_by is not null group by leased_by
        )
        select processes.*, array_to_string(roles, ' ') as role_words, array_to_string(stuck_loops, ' ') as stuck_words,
            coalesce(leases.count, 0) as leases,
            extract(epoch from clock_timestamp() - seen_at)::double precision as silent_seconds
        from processes left join leases on leases.leased_by = processes.name and not exists (
            select from processes as later where later.name = processes.name
                and (later.seen_at, later.id) > (processes.seen_at, processes.id))
        order by started_at, id limit $1
        """)

    /// Asking twice is asking once.
    static let askToDrain = Statement(
        "ask_process_to_drain",
        """
        update processes set drain_asked_at = coalesce(drain_asked_at, clock_timestamp())
        where id = any ($1::uuid[]) returning id
        """)

    static let all = [beat, end, list, askToDrain]
}
