import Foundation
import ObjectStorage
import StackSupport
import TestSupport
import VeniceSimulator

/// Whether the upstream's books, our ledger, the jobs and the files say the same once nothing is under way any more.
struct Agreement {
    private let stack: Stack
    private let states: [String]

    /// - Parameter states: The state directories of the workers that took part.
    init(_ stack: Stack, states: [String] = ["state"]) { (self.stack, self.states) = (stack, states) }

    /// Every disagreement in words. `decided` is how many jobs a person gave up, their outcome unknown.
    func violations(decided: Int = 0) async throws -> [String] {
        let books = try await stack.simulator.ledger()
        let jobs = try await rows()
        var found = try await ownBooks()
        found += charges(books, jobs)
        found += files(books, jobs)
        for state in states where Journal(stack, state: state).count > 0 {
            found.append("\(Journal(stack, state: state).count) answers are left in the journal of \(state)")
        }
        found += books.violations.filter { Self.never.contains($0.kind) }.map { "upstream: \($0.kind) \($0.detail)" }
        let lost = jobs.filter { $0.state == "failed" && $0.lostAttempts > 0 }.count
        if lost < decided { found.append("\(decided) unknown outcomes were decided, and \(lost) are on record") }
        return found
    }

    /// What a client never does, however often it dies. The others are matters of time, and a new process cannot know when the
    /// last one asked.
    private static let never: Set<Ledger.Violation.Kind> = [
        .deletedBeforeDelivery, .credentialAtLink, .linkBeforeCompleted, .requeuedAfterLostAnswer, .malformedRequest,
        .unauthenticated, .quoteWithOtherFields,
    ]

    private struct Row {
        var state: String
        var queueID: String
        var sha256: String
        var key: String
        var isCleanedUp: Bool
        var paidAttempts: Int
        var lostAttempts: Int
    }

    private func rows() async throws -> [Row] {
        let text = try await stack.database.sql(
            """
            select j.state, j.queue_id, v.sha256, v.storage_key, j.is_cleaned_up,
                (select count(*) from attempts a where a.job_id = j.id and outcome in ('accepted', 'lost')),
                (select count(*) from attempts a where a.job_id = j.id and outcome = 'lost')
            from jobs j left join videos v on v.job_id = j.id
            """)
        return text.split(separator: "\n").map { line in
            let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            return Row(
                state: fields[0], queueID: fields[1], sha256: fields[2], key: fields[3], isCleanedUp: fields[4] == "t",
                paidAttempts: Int(fields[5]) ?? 0, lostAttempts: Int(fields[6]) ?? 0)
        }
    }

    /// What the database alone can tell.
    private func ownBooks() async throws -> [String] {
        let text = try await stack.database.sql(
            """
            select 'an attempt is open: job ' || job_id from attempts where ended_at is null
            union all select 'a lease is left: job ' || id from jobs where leased_by is not null
            union all select 'a job is still due: ' || id || ' ' || state from jobs where next_action_at is not null
            union all select 'money is still reserved for job ' || job_id from ledger group by job_id
                having sum(case kind when 'reserve' then amount when 'settle' then -amount
                    when 'release' then -amount else 0 end) <> 0
            union all select 'job ' || j.id || ' has ' || count(l.*) || ' settlements for '
                    || (select count(*) from attempts a where a.job_id = j.id and outcome in ('accepted', 'lost'))
                    || ' attempts that were paid'
                from jobs j left join ledger l on l.job_id = j.id and l.kind = 'settle' group by j.user_id, j.id
                having count(l.*) <>
                    (select count(*) from attempts a where a.job_id = j.id and outcome in ('accepted', 'lost'))
            union all select 'a ready job has not been seen through: ' || id from jobs
                where state = 'ready' and not is_cleaned_up
            """)
        return text.split(separator: "\n").map(String.init)
    }

    /// Every charge belongs to a job by name, or to an attempt that is on record as lost.
    private func charges(_ books: Ledger, _ jobs: [Row]) -> [String] {
        var found: [String] = []
        let named = Set(jobs.map(\.queueID))
        let nameless = books.charges.filter { !named.contains($0.queueID) }
        let lost = jobs.reduce(0) { $0 + $1.lostAttempts }
        if nameless.count > lost { found.append("\(nameless.count) charges without a job, \(lost) attempts lost") }
        let paid = Set(books.charges.map(\.queueID))
        for job in jobs where !job.queueID.isEmpty && !paid.contains(job.queueID) {
            found.append("a job names \(job.queueID), which was never charged")
        }
        if books.charges.count > jobs.count { found.append("\(books.charges.count) charges for \(jobs.count) jobs") }
        for job in jobs where job.paidAttempts > 1 {
            found.append("\(job.paidAttempts) attempts of one job may have been paid: \(job.queueID)")
        }
        return found
    }

    private func files(_ books: Ledger, _ jobs: [Row]) -> [String] {
        guard let objects = try? LocalObjectStore(root: stack.directory.appending(path: "objects").path) else {
            return ["the store cannot be opened"]
        }
        var found: [String] = []
        for job in jobs where job.state == "ready" {
            guard let key = try? ObjectKey(job.key),
                let bytes = FileManager.default.contents(atPath: objects.path(of: key))
            else {
                found.append("the video of \(job.queueID) is not there")
                continue
            }
            let hash = ContentHash(of: bytes).hex
            if hash != job.sha256 || hash != stack.simulator.sha256(ofJob: job.queueID) ?? job.sha256 {
                found.append("the video of \(job.queueID) has other bytes than the upstream's")
            }
        }
        let delivered = books.jobs.filter { $0.state != "failed" && $0.deliveries > 0 }.map(\.queueID)
        let ready = Set(jobs.filter { $0.state == "ready" }.map(\.queueID))
        for id in delivered where !ready.contains(id) { found.append("the finished video \(id) was not kept") }
        for job in books.jobs where job.deleted && !ready.contains(job.queueID) {
            found.append("\(job.queueID) was removed upstream and is not here")
        }
        return found
    }
}
