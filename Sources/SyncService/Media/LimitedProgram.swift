import Foundation
import Synchronization

/// Runs a program that reads what strangers made: with little time, memory and room, with nothing of ours open, in a process
/// group of its own that ends with it. Words go to it as they are; no shell reads them.
struct LimitedProgram: Sendable {
    struct Limits: Hashable, Sendable {
        /// By the clock, and of a processor.
        var seconds: Int
        /// Of address space.
        var memory: Int64
        /// Of any file that it writes, its own words included.
        var output: Int64
    }

    /// It did not end well; `words` are its own, shortened, or what ended it.
    struct Failed: Error, Hashable, Sendable, CustomStringConvertible {
        var words: String
        var description: String { words }
    }

    var limits: Limits
    /// Of this run alone; its files `out` and `err` hold what the program says.
    var folder: String

    /// Sets the limits and becomes the program. `timeout` ends the group by the clock even when this process is gone.
    private static let script = #"""
        ulimit -c 0 && ulimit -n 64 && ulimit -t "$1" && ulimit -v "$2" && ulimit -f "$3" || exit 125
        wall=$1
        shift 3
        exec timeout -s KILL "$wall" nice -n 19 "$@"
        """#

    /// Returns what it wrote to its standard output. Cancelling the task ends the program at once.
    func run(_ words: [String]) async throws -> Data {
        let child = Child(try spawn(words))
        let status = await child.status
        guard status == 0 else { throw Failed(words: Self.words(status, contents("err", atMost: 300))) }
        try Task.checkCancellation()
        return contents("out", atMost: Int(limits.output))
    }

    private static func words(_ status: CInt, _ said: Data) -> String {
        let text = String(decoding: said, as: UTF8.self).split(whereSeparator: \.isNewline).joined(separator: "; ")
        let signal = status & 0x7f
        if signal == SIGKILL || status >> 8 & 0xff == 137 { return "it took too long and was ended \(text)" }
        if signal != 0 { return "it was ended by the signal \(signal) \(text)" }
        return text.isEmpty ? "it ended with \(status >> 8 & 0xff)" : text
    }

    private func contents(_ name: String, atMost count: Int) -> Data {
        guard let file = FileHandle(forReadingAtPath: "\(folder)/\(name)") else { return Data() }
        defer { try? file.close() }
        return (try? file.read(upToCount: count)) ?? Data()
    }

    private static var openFiles: [CInt] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).compactMap { CInt($0) }
    }

    private func spawn(_ words: [String]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (number, name) in [(1 as CInt, "out"), (2, "err")] {
            posix_spawn_file_actions_addopen(
                &actions, number, "\(folder)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        }
        // Connections and files of ours are none of its business, should one be open that does not close by itself.
        for number in Self.openFiles where number > 2 { posix_spawn_file_actions_addclose(&actions, number) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        let head = ["/bin/sh", "-c", Self.script, "sh", "\(limits.seconds)", "\(limits.memory >> 10)"]
        var arguments = (head + ["\(limits.output >> 9)"] + words).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let settings: [String] = ["PATH=\(path)", "LC_ALL=C", "HOME=\(folder)", "TMPDIR=\(folder)"]
        var environment = settings.map { strdup($0) } + [nil]
        defer { for word in environment { free(word) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, "/bin/sh", &actions, &attributes, &arguments, &environment)
        guard code == 0 else { throw Failed(words: "it cannot be started: \(String(cString: strerror(code)))") }
        return pid
    }
}

/// A child that leads a process group, until the group is gone.
private final class Child: Sendable {
    private let pid: pid_t
    private let isOver = Mutex(false)

    init(_ pid: pid_t) { self.pid = pid }

    /// As `waitpid` tells it.
    var status: CInt {
        get async {
            await withTaskCancellationHandler {
                await withCheckedContinuation { done in
                    // Waiting blocks, so it has a thread; there are as many as programs at once.
                    Thread.detachNewThread { done.resume(returning: self.wait()) }
                }
            } onCancel: {
                isOver.withLock { if !$0 { _ = kill(-pid, SIGKILL) } }
            }
        }
    }

    private func wait() -> CInt {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        return isOver.withLock { isOver in
            // Not reaped yet, so the number is still its own: whatever it left behind in its group ends, too.
            _ = kill(-pid, SIGKILL)
            var status: CInt = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            isOver = true
            return status
        }
    }
}
