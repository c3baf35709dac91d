import Foundation
import JobStore
import ObjectStorage

extension Doctor {
    private var state: String { configuration.stateDirectory }
    private static var keyFile: String { "secret.key" }

    /// Only where there is a file: a look must not make a key.
    static func secrets(_ configuration: Configuration) -> SecretBox? {
        let file = configuration.secretKeyFile ?? "\(configuration.stateDirectory)/\(keyFile)"
        guard FileManager.default.fileExists(atPath: file),
            let state = try? StateDirectory(URL(fileURLWithPath: file).deletingLastPathComponent().path)
        else { return nil }
        return try? state.secrets(keyFile: file)
    }

    func sealingKey() async throws -> CheckResult {
        guard let fits = try await store.fitsSealingKey() else {
            return .ok("no process has started on this database yet, so any key will do")
        }
        let file = configuration.secretKeyFile ?? "\(state)/\(Self.keyFile)"
        return fits
            ? .ok("\(file) is the key of this database's secrets")
            : .fail(
                FileManager.default.fileExists(atPath: file)
                    ? "\(file) is not the key that this database's secrets are sealed with" : "there is no \(file)",
                mend: "copy the key file of the first process, and name it with GONDOLA_SECRET_KEY_FILE")
    }

    /// Its permissions, its room, and how fast a file in it becomes durable.
    func stateDirectory() async throws -> [CheckResult] {
        guard FileManager.default.fileExists(atPath: state) else {
            return [.warn("there is no \(state) yet", mend: "the first start makes it; or set GONDOLA_STATE_DIR")]
        }
        let (path, files) = (state, secretFiles)
        return try await BlockingThread.run {
            [
                Self.permissions(path, files),
                DoctorRules.disk(free: freeBytes(at: path), floor: 256 << 20, of: path),
                try Self.sync(path),
            ]
        }
    }

    private var secretFiles: [String] {
        let environment = ProcessInfo.processInfo.environment
        let named = ["VENICE_API_KEY_FILE", "VENICE_WALLET_KEY_FILE"].compactMap { environment[$0] }
        return named + [configuration.secretKeyFile ?? "\(state)/\(Self.keyFile)"]
            + [configuration.veniceAccountsFile, configuration.linkKeysFile].compactMap(\.self)
    }

    private static func permissions(_ path: String, _ files: [String]) -> CheckResult {
        let open = ([path] + files).filter { name in
            guard let facts = try? FileManager.default.attributesOfItem(atPath: name),
                let mode = facts[.posixPermissions] as? Int
            else { return false }
            return mode & 0o007 != 0
        }
        if !open.isEmpty {
            return .fail(
                "others on this machine can read \(open.joined(separator: ", "))",
                mend: "chmod o= \(open.joined(separator: " "))")
        }
        guard access(path, R_OK | W_OK | X_OK) == 0 else {
            return .fail("this user cannot write to \(path)", mend: "run as the user that Gondola runs as")
        }
        return .ok("\(path) and the files of keys are closed to others")
    }

    /// The middle of some tries, with what a paid answer takes: the file and its folder.
    private static func sync(_ path: String) throws -> CheckResult {
        let name = "\(path)/doctor.\(UUID().uuidString)"
        defer { unlink(name) }
        let times = try (0..<5).map { _ in
            let begin = ContinuousClock.now
            try write(name)
            return (ContinuousClock.now - begin).seconds * 1000
        }
        return DoctorRules.sync(milliseconds: times.sorted()[2], of: path)
    }

    private static func write(_ name: String) throws {
        let file = open(name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SetupError("\(name) cannot be written: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        let bytes = [UInt8](repeating: 0, count: 4096)
        guard Foundation.write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0 else {
            throw SetupError("\(name) cannot be made durable: \(String(cString: strerror(errno)))")
        }
    }

    /// A place that is there, its room, and an object that is written, read and removed.
    func storage() async throws -> [CheckResult] {
        let place = configuration.storage
        let isBucket = place.hasPrefix("s3://")
        guard isBucket || FileManager.default.fileExists(atPath: place) else {
            return [.fail("there is no \(place)", mend: "mount it, or let the first start make it")]
        }
        guard isBucket || FileManager.default.fileExists(atPath: state) else {
            return [.warn("not looked into: there is no state directory yet", mend: "start a process first")]
        }
        let storage = try Storage(configuration, state: try StateDirectory(state))
        defer { storage.stop() }
        let free = try await storage.objects.freeBytes()
        let room = DoctorRules.disk(free: free, floor: configuration.storageFloor, of: isBucket ? state : place)
        // Removes only an empty folder, which a service under another user could not write to.
        defer { if !isBucket { rmdir("\(place)/\(Self.folder)") } }
        return [room, try await Self.roundTrip(storage.objects, in: place)]
    }

    private static let folder = "doctor"

    private static func roundTrip(_ objects: any ObjectStore, in place: String) async throws -> CheckResult {
        let key = try ObjectKey(user: folder, UUID().uuidString)
        let bytes = (0..<4096).map { _ in UInt8.random(in: 0...255) }
        let body = AsyncStream<[UInt8]> { stream in
            stream.yield(bytes)
            stream.finish()
        }
        let begin = ContinuousClock.now
        let read: [UInt8]
        do {
            _ = try await objects.put(key, expecting: 4096, atMost: 4096, body: body)
            read = try await objects.open(key, range: nil).chunks().reduce(into: []) { $0 += $1 }
        } catch {
            // In a task of its own, since the time for this one may be over.
            _ = await Task { try? await objects.delete(key) }.value
            throw error
        }
        try await Task { try await objects.delete(key) }.value
        let seconds = (ContinuousClock.now - begin).seconds
        guard read == bytes else {
            return .fail("\(place) gives back other bytes than it was given", mend: "check its disks, and its memory")
        }
        let words = String(format: "written, read and removed in %.2f s", seconds)
        return seconds > 3 ? .warn("\(words) in \(place)", mend: "look at its load and network") : .ok(words)
    }

    func ffmpeg() async throws -> CheckResult {
        guard configuration.ffmpeg != "none" else { return .ok("set to none: no posters and previews") }
        guard let tools = MediaTools(configuration.ffmpeg) else {
            return .warn(
                "\(configuration.ffmpeg) or its ffprobe is not there: no posters and previews",
                mend: "install ffmpeg, or set GONDOLA_FFMPEG=none")
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "gondola-doctor-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let limits = LimitedProgram.Limits(seconds: 10, memory: 1 << 30, output: 1 << 20)
        let said = try await LimitedProgram(limits: limits, folder: folder).run([tools.ffmpeg, "-version"])
        return .ok(String(decoding: said, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? "it runs")
    }
}

/// A thread of its own for what may hang, such as a disk that is gone: it must not take one that everybody needs.
enum BlockingThread {
    static func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try work() }) }.start()
        }
    }
}
