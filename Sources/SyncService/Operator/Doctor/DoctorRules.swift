import Foundation
import JobStore
import VideoModels

/// From facts to verdicts. Pure: the whole of the doctor's judgement is here.
enum DoctorRules {
    static func migrations(_ status: Migrator.Status) -> CheckResult {
        status.pending.isEmpty
            ? .ok("\(status.applied.count) applied, none pending")
            : .fail("pending: \(status.pending.joined(separator: ", "))", mend: "run `gondola migrate`")
    }

    static func server(_ facts: ServerFacts) -> CheckResult {
        if facts.isReplica {
            return .fail(
                "the server is a replica, which takes no writes",
                mend: "name the primary in DATABASE_URL, or all hosts with target_session_attrs=read-write")
        }
        if !facts.isDurable || facts.synchronousCommit == "off" {
            return .fail(
                "the server may lose what it has confirmed (fsync, full_page_writes or synchronous_commit is off)",
                mend: "turn them on: a paid submission that is forgotten is paid twice or lost")
        }
        if facts.version < 150_000 {
            return .warn(
                "Postgres \(facts.versionWords); developed and tested on 15 and newer", mend: "upgrade the server")
        }
        if facts.connections * 10 > facts.connectionLimit * 9 {
            return .warn(
                "\(facts.connections) of \(facts.connectionLimit) connections are in use",
                mend: "raise max_connections, lower GONDOLA_DATABASE_CONNECTIONS, or put PgBouncer between")
        }
        return .ok(
            "Postgres \(facts.versionWords), \(facts.connections) of \(facts.connectionLimit) connections in use")
    }

    static func rowSecurity(_ facts: ServerFacts) -> CheckResult {
        facts.passesRowSecurity
            ? .warn(
                "the role passes row-level security: the second wall between users is not there",
                mend: "use a role that is no superuser and has no BYPASSRLS")
            : .ok("the role is bound by row-level security")
    }

    /// `seconds` is how far our clock is ahead, as exactly as `doubt` allows.
    static func clock(_ seconds: Double, of other: String, doubt: Double) -> CheckResult {
        let apart = max(0, abs(seconds) - doubt)
        let words = "this clock is \(format(abs(seconds))) s \(seconds < 0 ? "behind" : "ahead of") \(other)"
        let mend = "let both follow a time service (chrony, systemd-timesyncd)"
        if apart > 60 { return .fail(words, mend: mend) }
        return apart > 2 ? .warn(words, mend: mend) : .ok("within \(format(max(abs(seconds), doubt))) s of \(other)")
    }

    static func disk(free: Int64?, floor: Int64, of place: String) -> CheckResult {
        guard let free else {
            return .fail("nobody can say how much room \(place) has", mend: "check that it is mounted and readable")
        }
        let words = "\(SizeText.rounded(free)) free in \(place)"
        if free < floor {
            return .fail(
                words + ", less than \(SizeText.rounded(floor)): nothing new is submitted", mend: "make room there")
        }
        return free < 4 * floor
            ? .warn(words + ", near the floor of \(SizeText.rounded(floor))", mend: "make room there soon") : .ok(words)
    }

    static func sync(milliseconds: Double, of place: String) -> CheckResult {
        let words = "\(format(milliseconds)) ms to make a small file durable in \(place)"
        let mend = "use a disk that syncs faster: each paid request waits for one such write"
        if milliseconds > 1000 { return .fail(words, mend: mend) }
        return milliseconds > 100 ? .warn(words, mend: mend) : .ok(words)
    }

    static func transactions(_ facts: TransactionFacts) -> CheckResult {
        let mend = "end it (pg_terminate_backend), and set idle_in_transaction_session_timeout"
        if let seconds = facts.preparedSeconds, seconds > 300 {
            return .fail(
                "a prepared transaction is \(seconds.words) old", mend: "commit it or roll it back by its name")
        }
        if let age = facts.slotAge, age > 10_000_000 {
            return .warn(
                "a replication slot holds a snapshot of \(age) transactions ago",
                mend: "drop the slot, or let its replica catch up")
        }
        if let seconds = facts.transactionSeconds, seconds > 300 {
            let words = "a transaction is open for \(seconds.words) (\(facts.transactionWords ?? "?"))"
            return seconds > 3600 ? .fail(words, mend: mend) : .warn(words, mend: mend)
        }
        if facts.hidden > 0 {
            return .warn(
                "\(facts.hidden) sessions of other roles cannot be looked into",
                mend: "grant pg_read_all_stats to this role, to see old transactions of others")
        }
        return .ok("no transaction is open for long")
    }

    static func bloat(_ tables: [TableFacts]) -> CheckResult {
        if let old = tables.first(where: { $0.age > 2 * $0.freezeAge }) {
            return .fail(
                "\(old.name) has rows that are \(old.age) transactions old: the server nears a wrap-around",
                mend: "vacuum (freeze) \(old.name), and find what holds autovacuum up")
        }
        let worst = tables.filter { $0.dead > 10_000 && $0.dead > $0.live / 2 }
        guard let first = worst.first else {
            let dead = tables.reduce(0) { $0 + $1.dead }
            return .ok("\(dead) dead rows in \(tables.count) tables")
        }
        let words = worst.prefix(3).map { "\($0.name) (\($0.dead) dead, \($0.live) live)" }.joined(separator: ", ")
        let isOld = first.vacuumSeconds.map { $0 > 3600 } ?? true
        let mend = "look for old transactions; `vacuum \(first.name)`"
        return isOld && first.dead > 10 * max(first.live, 10_000)
            ? .fail("mostly dead rows: \(words)", mend: mend) : .warn("many dead rows: \(words)", mend: mend)
    }

    static func autovacuum(isOn: Bool) -> CheckResult {
        isOn
            ? .ok("autovacuum is on")
            : .fail("autovacuum is off: claims slow down within hours", mend: "set autovacuum = on, and reload")
    }

    static func wakeUps(areHeard: Bool) -> CheckResult {
        areHeard
            ? .ok("a notification comes back")
            : .warn(
                "no notification comes back: feeds and workers poll",
                mend: "behind PgBouncer that is so in transaction mode; otherwise let this machine reach Postgres")
    }

    static func account(_ test: AccountTest) -> CheckResult {
        let money = test.balances.sorted { $0.key < $1.key }.map { "\($0.value.text) \($0.key)" }
        let words =
            "the account \"\(test.account.id)\"" + (money.isEmpty ? "" : " holds \(money.joined(separator: ", "))")
        switch test.verdict {
        case .refused:
            return .fail(
                "\(words) is refused: \(test.reason ?? "")",
                mend: "check its key, or top it up; `gondola accounts test`")
        case .unreachable:
            return .fail(
                "the upstream cannot be asked about \(words): \(test.reason ?? "")",
                mend: "check the network, VENICE_BASE_URL and VENICE_PROXY")
        case .usable:
            let dollars = test.balances["USD"] ?? test.balances["DIEM"]
            if let dollars, dollars.double < 1, (test.balances["DIEM"]?.double ?? 0) < 1 {
                return .warn("\(words): it pays for one or two videos more", mend: "top it up")
            }
            return .ok(words)
        }
    }

    static func processes(_ processes: [ProcessRecord]) -> CheckResult {
        let trouble = processes.filter { $0.standing == .stuck || $0.standing == .silent }
        if let first = trouble.first(where: { $0.standing == .stuck }) {
            return .fail(
                "\(first.name): its loops stand still: \(first.stuckLoops.joined(separator: ", "))",
                mend: "restart it; its leases are taken over")
        }
        guard processes.contains(where: { $0.standing == .working && $0.roles.contains(.worker) }) else {
            return .fail("no worker takes jobs", mend: "start one: `gondola work` or `gondola run`")
        }
        let versions = Set(processes.filter { $0.standing != .silent }.map(\.version)).union([Release.version])
        if versions.count > 1 {
            return .warn(
                "several versions at work: \(versions.sorted().joined(separator: ", "))", mend: "end the upgrade")
        }
        if let silent = trouble.first {
            return .warn(
                "\(silent.name) has said nothing for \(silent.silentSeconds.words)",
                mend: "it ended without a word, or cannot reach the database; its row goes after a day")
        }
        return .ok("\(processes.count) of version \(Release.version)")
    }

    private static func format(_ value: Double) -> String { String(format: value < 10 ? "%.2f" : "%.0f", value) }
}
