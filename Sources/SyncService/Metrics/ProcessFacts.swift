import Foundation

/// What the system knows of this process. Names are those that every Prometheus client uses.
enum ProcessFacts {
    static let startTime = Date().timeIntervalSince1970

    static func families() -> [MetricFamily] {
        let stat = fields(of: "/proc/self/stat")
        let memory = fields(of: "/proc/self/statm")
        let tick = Double(sysconf(Int32(_SC_CLK_TCK)))
        // The program's name, in parentheses, may have spaces in it: the fields are counted from behind it.
        let times = [11, 12].compactMap { stat.indices.contains($0) ? Double(stat[$0]) : nil }
        return [
            .counter(
                "process_cpu_seconds_total", "Processor time of user and system together.",
                times.reduce(0, +) / max(tick, 1)),
            .gauge("process_start_time_seconds", "When the process began, in seconds since 1970.", startTime),
            .gauge(
                "process_resident_memory_bytes", "Memory that is held.",
                memory.count > 1 ? Double(memory[1]).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) } : nil),
            .gauge("process_open_fds", "Open file descriptors.", openFiles),
            .gauge("process_max_fds", "The most that may be open.", mostFiles),
        ]
    }

    private static func fields(of path: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        let text = String(decoding: data, as: UTF8.self)
        let rest = text.lastIndex(of: ")").map { text[text.index(after: $0)...] } ?? text[...]
        return rest.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private static var openFiles: Double? {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map { Double($0.count) }
    }

    private static var mostFiles: Double? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }
}

/// The room on the disk that holds a directory; nil where nobody can say.
func freeBytes(at path: String) -> Int64? {
    var facts = statvfs()
    guard statvfs(path, &facts) == 0 else { return nil }
    return Int64(clamping: UInt64(facts.f_bavail) * UInt64(facts.f_frsize))
}
