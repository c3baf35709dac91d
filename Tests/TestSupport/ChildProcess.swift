import Foundation

/// A program that runs beside the test. Foundation's `Process` waits with a run loop, which holds up a thread that every
/// other test needs; this one makes the two system calls.
public final class ChildProcess: Sendable {
    private let pid: pid_t

    /// - Parameters:
    ///   - command: Words separated by single spaces.
    ///   - input: A descriptor of what the program reads; without one that is nothing.
    ///   - output: A descriptor for what the program writes; without one it is dropped, as its complaints are.
    convenience init(_ command: String, in folder: String, input: CInt? = nil, output: CInt? = nil) throws {
        try self.init(command.split(separator: " ").map(String.init), in: folder, input: input, output: output)
    }

    /// The same for words that may hold spaces.
    public init(_ command: [String], in folder: String, input: CInt? = nil, output: CInt? = nil) throws {
        let words = ["bash", "-c", Self.clean, "bash", folder] + command
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, input ?? 2, 0)
        posix_spawn_file_actions_adddup2(&actions, output ?? 2, 1)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Whatever the thread that happens to run this has blocked.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, words[0], &actions, &attributes, &arguments, environ)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .ENOENT) }
        self.pid = pid
    }

    /// Goes to the folder, and lets go of everything that it was handed on by chance: a connection of another test would
    /// stay open as long as this child lives.
    private static let clean = #"""
        cd "$1" && shift
        for file in /proc/$$/fd/*; do
            number=${file##*/}
            if [ "$number" -gt 2 ]; then eval "exec $number>&-"; fi
        done
        exec "$@"
        """#

    /// The exit status, or -1 after a signal.
    public func wait() -> CInt {
        var status: CInt = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status & 0x7f == 0 ? status >> 8 & 0xff : -1
    }

    /// Ends it, and returns when it is gone.
    func end() {
        kill(pid, SIGTERM)
        _ = wait()
    }
}
