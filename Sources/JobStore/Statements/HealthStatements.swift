/// What the doctor asks the server, beside Gondola's own tables.
enum HealthStatements {
    static let server = Statement(
        "health_server",
        """
        select clock_timestamp() as now, current_setting('server_version_num')::integer as version,
            current_setting('server_version') as version_words, pg_is_in_recovery() as is_replica,
            current_setting('fsync')::boolean and current_setting('full_page_writes')::boolean as is_durable,
            current_setting('synchronous_commit') as synchronous_commit, current_setting('autovacuum') as autovacuum,
            current_setting('max_connections')::integer as connections_limit,
            (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
            (select rolsuper or rolbypassrls from pg_roles where rolname = current_user) as passes_row_security
        """)

    /// The oldest transaction and the oldest snapshot of this database, of whomever. A role sees nothing of the transactions of
    /// others unless it may (`pg_read_all_stats`).
    static let transactions = Statement(
        "health_transactions",
        """
        select
            (select extract(epoch from clock_timestamp() - min(xact_start))::double precision from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend') as transaction_seconds,
            (select coalesce(application_name, '') || ', ' || coalesce(state, '') from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
                    and backend_type = 'client backend'
                order by xact_start limit 1) as transaction_words,
            (select extract(epoch from clock_timestamp() - min(prepared))::double precision from pg_prepared_xacts
            ) as prepared_seconds,
            (select max(greatest(age(xmin), age(catalog_xmin))) from pg_replication_slots) as slot_age,
            (select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
                and state is null) as hidden
        """)

    /// How much of Gondola's tables is dead, and how far they are from a wrap-around.
    static let tables = Statement(
        "health_tables",
        """
        select stat.relname as name, n_live_tup as live, n_dead_tup as dead,
            extract(epoch from clock_timestamp() - greatest(last_vacuum, last_autovacuum))::double precision as vacuum_seconds,
            age(relfrozenxid) as age, current_setting('autovacuum_freeze_max_age')::bigint as freeze_age
        from pg_stat_user_tables as stat join pg_class on pg_class.oid = stat.relid
        where stat.schemaname = current_schema() order by n_dead_tup desc
        """)

    static let echo = Statement("health_echo", "select pg_notify('gondola_doctor', $1)")

    static let all = [server, transactions, tables, echo]
}
