import ArgumentParser
import Foundation
import JobStore
import Logging

/// The cluster that all contestants share, and the databases on it, made through psql.
struct Cluster: Sendable {
    private let url: URLComponents
    /// Users of a database with jobs; their jobs are spread evenly.
    static let users = 200

    init() throws {
        guard let text = ProcessInfo.processInfo.environment["DATABASE_URL"], let url = URLComponents(string: text),
            url.scheme?.hasPrefix("postgres") == true
        else { throw ValidationError("DATABASE_URL names no cluster as postgresql://…; run scripts/bench-postgres") }
        self.url = url
    }

    func address(_ database: String, role: String? = nil) -> String {
        var url = url
        url.path = "/\(database)"
        if let role {
            url.queryItems = (url.queryItems ?? []) + [URLQueryItem(name: "options", value: "-c role=\(role)")]
        }
        return url.string ?? ""
    }

    @discardableResult
    func sql(_ text: String, in database: String = "postgres") async throws -> String {
        try await Program.run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", address(database)], input: text)
    }

    func store(_ database: String, connections: Int, role: String? = nil) -> PostgresStore {
        Self.store(at: address(database, role: role), connections: connections)
    }

    static func store(at address: String, connections: Int) -> PostgresStore {
        var log = Logger(label: "bench")
        log.logLevel = .error
        return PostgresStore(
            conninfo: address, secrets: SecretBox(key: Data(repeating: 7, count: 32)),
            connections: connections, log: log)
    }

    /// Prints what matters for the figures, and refuses a cluster that is not durable.
    func describe() async throws {
        let settings = try await sql(
            """
            select string_agg(name || '=' || current_setting(name), ' ') from unnest(array[
                'server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size'
            ]) as name
            """)
        tell(settings.trimmingCharacters(in: .whitespacesAndNewlines))
        for setting in ["fsync=on", "synchronous_commit=on", "full_page_writes=on"] where !settings.contains(setting) {
            throw ValidationError(
                "figures of a cluster without \(setting) would say nothing; start it without --throwaway")
        }
    }

    /// An empty database, and then a checkpoint, so that no contestant pays for what another has written.
    func make(_ name: String, from template: String? = nil) async throws {
        try await sql("drop database if exists \(name) with (force)")
        try await sql("create database \(name)" + (template.map { " template \($0)" } ?? ""))
        try await sql("checkpoint")
    }

    func drop(_ name: String) async throws { try await sql("drop database if exists \(name) with (force)") }

    func clear() async throws {
        let names = try await sql("select datname from pg_database where datname like 'bench\\_%'")
        for name in names.split(separator: "\n") { try await drop(String(name)) }
    }

    /// A migrated database of users without jobs.
    func makeUsers(_ name: String) async throws {
        try await make(name)
        _ = try await Migrator(conninfo: address(name)).migrate()
        try await sql(
            """
            insert into users (id, name) select \(Seed.user("n")), 'user ' || n from generate_series(0, \(Self.users - 1)) n;
            vacuum analyze
            """, in: name)
    }

    /// A migrated database with so many accepted jobs, all due, each as `submit` leaves it.
    func makeJobs(_ name: String, _ count: Int) async throws {
        try await makeUsers(name)
        try await sql(Seed.dueJobs(count) + Seed.counters + "checkpoint; vacuum analyze", in: name)
    }
}

/// SQL that fills databases.
enum Seed {
    /// About what a phone sends.
    static let request = """
        {"aspect_ratio":"16:9","duration":"5s","model":"wan-2.5-preview-text-to-video","prompt":"A boat at dusk on a \
        quiet lake, seen from the shore, with a lantern at its bow.","resolution":"720p"}
        """

    static func user(_ number: String) -> String {
        "('00000000-0000-7000-8000-' || lpad(to_hex(\(number)), 12, '0'))::uuid"
    }

    /// A UUID of version 7 for the job of this number; one job a millisecond.
    static func job(_ number: String, from milliseconds: Int = 1_760_000_000_000) -> String {
        let time = "lpad(to_hex(\(milliseconds) + \(number)), 12, '0')"
        let random = "md5((\(number))::text)"
        return """
            (\(time) || '7' || substr(\(random), 1, 3) || '8' || substr(\(random), 4, 15))::uuid
            """
    }

    static func dueJobs(_ count: Int) -> String {
        """
        insert into jobs (user_id, id, state, request, account, next_action_at, change_sequence)
        select \(user("n % \(Cluster.users)")), \(job("n")), 'accepted', '\(request)', 'default',
            now() - interval '1 hour' + n * interval '1 millisecond', 1 + n / \(Cluster.users)
        from generate_series(0, \(count - 1)) n;
        insert into job_steps (user_id, job_id, state) select user_id, id, state from jobs where state = 'accepted';

        """
    }

    static let counters = """
        update users set change_sequence =
            (select coalesce(max(change_sequence), 0) from jobs where user_id = users.id);

        """

    /// Jobs that ended well long ago. Sequences from `firstSequence` on, so that they and others do not collide.
    static func finishedJobs(_ numbers: Range<Int>) -> String {
        """
        insert into jobs (user_id, id, state, request, account, price, venice_model, queue_id, submitted_at, polls,
            video_id, is_cleaned_up, revision, lease_token, change_sequence)
        select \(user("n % \(Cluster.users)")), \(job("n", from: 1_700_000_000_000)), 'ready', '\(request)', 'default',
            0.5, 'wan-2.5-preview-text-to-video', 'queue-' || n, now() - interval '30 days', 4,
            \(job("n", from: 1_710_000_000_000)), true, 6, 1, 1000000 + n / \(Cluster.users)
        from generate_series(\(numbers.lowerBound), \(numbers.upperBound - 1)) n;

        """
    }
}
