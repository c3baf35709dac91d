import Failpoints
import Foundation
import ObjectStorage

/// Lets the oldest generations go, and then the objects that no generation names.
struct BackupPruner: Sendable {
    let folder: BackupFolder

    /// The directory is locked.
    func prune(keeping count: Int, _ report: inout BackupReport) async throws {
        for name in try folder.names().dropLast(count) {
            let aside = "\(folder.unfinished)/\(name)"
            // Out of sight first: from here on it is no generation any more, whatever dies.
            try Durable.rename("\(folder.generations)/\(name)", to: aside)
            Failpoint.backupPruned.reach()
            try FileManager.default.removeItem(atPath: aside)
            report.removedGenerations.append(name)
        }
        report.unreadable = try folder.names().filter { !folder.hasWholeList($0) }
        // What such a generation needs is not known, so nothing goes.
        if report.unreadable.isEmpty { report.removedObjects = try await sweep() }
        _ = try await folder.objects.collectRubbish(olderThan: Date(timeIntervalSinceNow: -86_400))
    }

    /// 32 bytes of memory for each object that is kept.
    private func sweep() async throws -> Int {
        var needed: Set<ContentHash> = []
        for name in try folder.names() {
            var reader = try LineReader<BackupEntry>("\(folder.generations)/\(name)/\(BackupFolder.list)")
            while case let entries = try reader.next(1000), !entries.isEmpty {
                needed.formUnion(entries.compactMap { ContentHash(hex: $0.sha256) })
            }
        }
        var (removed, after) = (0, ObjectKey?.none)
        while true {
            let page = try await folder.objects.list(prefix: "", after: after, limit: 1000)
            for object in page where ContentHash(hex: String(object.key.segments[1])).map(needed.contains) != true {
                try await folder.objects.delete(object.key)
                removed += 1
            }
            guard page.count == 1000 else { return removed }
            after = page.last?.key
        }
    }
}
