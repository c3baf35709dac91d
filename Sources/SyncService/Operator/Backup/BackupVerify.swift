import Crypto
import Foundation
import ObjectStorage
import VideoModels

/// What `gondola backup verify` found.
public struct BackupVerifyReport: Codable, Hashable, Sendable {
    public var generations: [String] = []
    /// Different objects, and the bytes that were hashed.
    public var objects = 0
    public var bytes: Int64 = 0
    public var missing = 0
    public var corrupt = 0
    /// Spoilt copies that were taken away, so that the next backup copies the objects again.
    public var repaired = 0
    /// The first thousand.
    public var findings: [BackupDamage] = []

    public var damage: Int { missing + corrupt }
}

/// Hashes everything in a directory of backups again and compares it with what the generations say.
struct BackupVerify: Sendable {
    var folder: BackupFolder
    /// Nil for all.
    var generation: String?
    var isRepairing = false
    var bytesPerSecond: Int64?

    func run(progress: (BackupVerifyReport) -> Void) async throws -> BackupVerifyReport {
        let lock = try folder.lock(exclusively: isRepairing)
        defer { withExtendedLifetime(lock) {} }
        var (report, seen) = (BackupVerifyReport(), Set<ContentHash>())
        var pace = Pace(bytesPerSecond: bytesPerSecond, clock: ContinuousClock())
        report.generations = try generation.map { [try folder.chosen($0)] } ?? folder.names()
        guard !report.generations.isEmpty else { throw SetupError("there is no whole backup in \(folder.path)") }
        for name in report.generations {
            for damage in try Self.damagedFiles(of: name, in: folder) { report.note(damage, isMissing: false) }
            guard let manifest = try? folder.manifest(of: name) else { continue }
            try await check(name, without: Set(manifest.damaged.map(\.key)), &seen, &report, &pace, progress)
        }
        return report
    }

    /// The generation's own files against their sums.
    static func damagedFiles(of name: String, in folder: BackupFolder) throws -> [BackupDamage] {
        let place = "\(folder.generations)/\(name)"
        let sums = FileManager.default.contents(atPath: "\(place)/\(BackupFolder.sums)") ?? Data()
        let lines = String(decoding: sums, as: UTF8.self).split(separator: "\n").map { $0.split(separator: " ") }
        let named = Set(lines.compactMap(\.last))
        let needed = [BackupFolder.dump, BackupFolder.list, BackupFolder.manifest].filter { !named.contains($0[...]) }
        let unnamed = needed.map {
            BackupDamage(key: "generations/\(name)/\($0)", reason: "it is not in \(BackupFolder.sums)")
        }
        return unnamed
            + lines.compactMap { line in
                guard line.count == 2, let hash = try? Durable.hash(of: "\(place)/\(line[1])"), hash == line[0] else {
                    let file = line.last.map(String.init) ?? ""
                    return BackupDamage(
                        key: "generations/\(name)/\(file)", reason: "it is not there, or its SHA-256 is another")
                }
                return nil
            }
    }

    private func check(
        _ name: String, without damaged: Set<String>, _ seen: inout Set<ContentHash>,
        _ report: inout BackupVerifyReport, _ pace: inout Pace, _ progress: (BackupVerifyReport) -> Void
    ) async throws {
        let absent = Set(try folder.manifest(of: name).absent)
        // A list that cannot be read is named as a file of the generation already.
        guard var reader = try? LineReader<BackupEntry>("\(folder.generations)/\(name)/\(BackupFolder.list)") else {
            return
        }
        while let entries = try? reader.next(500), !entries.isEmpty {
            for entry in entries where !damaged.contains(entry.key) && !absent.contains(entry.place) {
                guard let hash = ContentHash(hex: entry.sha256), seen.insert(hash).inserted else { continue }
                try await check(entry, hash, &report, &pace)
                progress(report)
            }
        }
    }

    private func check(
        _ entry: BackupEntry, _ hash: ContentHash, _ report: inout BackupVerifyReport, _ pace: inout Pace
    ) async throws {
        report.objects += 1
        do {
            let found = try await read(entry, &report, &pace)
            if found != hash {
                try await take(entry, "its SHA-256 is \(found?.hex ?? "-") instead of \(hash)", &report)
            }
        } catch ObjectStoreError.notFound {
            report.note(BackupDamage(key: entry.key, reason: "its copy is not there"), isMissing: true)
        } catch let error as ObjectStoreError {
            try await take(entry, "its copy cannot be read: \(error)", &report)
        }
    }

    private func read(
        _ entry: BackupEntry, _ report: inout BackupVerifyReport, _ pace: inout Pace
    ) async throws -> ContentHash? {
        let reader = try await folder.objects.open(try BackupFolder.key(entry.sha256), range: nil)
        var hasher = SHA256()
        for try await chunk in reader.chunks(of: 1 << 20) {
            hasher.update(data: chunk)
            report.bytes += Int64(chunk.count)
            try await pace.spend(chunk.count)
        }
        return ContentHash(bytes: hasher.finalize())
    }

    private func take(_ entry: BackupEntry, _ reason: String, _ report: inout BackupVerifyReport) async throws {
        report.note(BackupDamage(key: entry.key, reason: reason), isMissing: false)
        guard isRepairing else { return }
        try await folder.objects.delete(try BackupFolder.key(entry.sha256))
        report.repaired += 1
    }
}

extension BackupVerifyReport {
    fileprivate mutating func note(_ damage: BackupDamage, isMissing: Bool) {
        if isMissing { missing += 1 } else { corrupt += 1 }
        if findings.count < 1000 { findings.append(damage) }
    }
}
