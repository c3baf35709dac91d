#if FAILPOINTS
    import Foundation
    import Synchronization

    extension Failpoint {
        /// Does what the environment says of this step, if it says anything.
        public func reach() { Armed.current?.reach("\(self)") }

        /// The beginning and the end of a transaction, wherever it is.
        public static func reach(before command: String) {
            if command == "commit" { transactionWritten.reach() }
        }

        public static func reach(after command: String) {
            if command.hasPrefix("begin") { transactionBegun.reach() }
            if command == "commit" { transactionCommitted.reach() }
        }

        /// A statement has been answered. Points of their own, `sql.NAME`, so that a new statement is in the matrix by itself.
        public static func reach(statement: String) { Armed.current?.reach("sql.\(statement)") }

        public static func reach(_ phase: ExchangePhase, of endpoint: String) {
            guard let armed = Armed.current else { return }
            let name = (endpoint == "delete_download" ? "revocation" : endpoint) + "\(phase)".capitalized
            if names.contains(name) { armed.reach(name) }
        }

        /// Ends the process with status 2 when the environment names a failpoint that does not exist.
        public static func checkEnvironment() { _ = Armed.current }

        fileprivate static let names = Set(allCases.map { "\($0)" })
    }

    /// What the environment asks for:
    ///
    /// - `GONDOLA_FAILPOINT=NAME[:NTH][=ACTION][,…]`: at the step NAME, or at the NTH time that it is reached, `kill` (the
    ///   default: SIGKILL to itself) or `stop` (SIGSTOP to itself).
    /// - `GONDOLA_FAILPOINT_TRACE=FILE`: writes down every step as it is reached.
    private final class Armed: Sendable {
        struct Order: Hashable, Sendable {
            var name: String
            var nth: Int
            var signal: Int32
        }

        static let current = make(ProcessInfo.processInfo.environment)

        private let orders: [Order]
        private let counts = Mutex<[String: Int]>([:])
        /// A descriptor that is never closed, or -1.
        private let trace: Int32

        private init(_ orders: [Order], trace: Int32) {
            self.orders = orders
            self.trace = trace
        }

        private static func make(_ environment: [String: String]) -> Armed? {
            let (wanted, file) = (environment["GONDOLA_FAILPOINT"] ?? "", environment["GONDOLA_FAILPOINT_TRACE"] ?? "")
            if wanted.isEmpty && file.isEmpty { return nil }
            let orders = wanted.split(separator: ",").map { text in
                guard let order = Order(text) else { refuse(String(text)) }
                return order
            }
            let trace = file.isEmpty ? -1 : open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            return Armed(orders, trace: trace)
        }

        private static func refuse(_ text: String) -> Never {
            say(
                "GONDOLA_FAILPOINT: \(text.debugDescription) is not NAME[:NTH][=kill|stop] with one of these names, or "
                    + "sql.STATEMENT: \(Failpoint.names.sorted().joined(separator: " "))\n", to: 2)
            exit(2)
        }

        func reach(_ name: String) {
            if trace >= 0 { Self.say(name + "\n", to: trace) }
            let count = counts.withLock { counts in
                counts[name, default: 0] += 1
                return counts[name] ?? 0
            }
            guard let order = orders.first(where: { $0.name == name && $0.nth == count }) else { return }
            // The line is whoever started us's signal; one write, so that no other line comes between.
            Self.say(#"{"message":"failpoint","metadata":{"failpoint":"\#(name)","nth":"\#(count)"}}"# + "\n", to: 2)
            // To this very thread: one that is meant for the process may find another first, and this one goes on meanwhile.
            raise(order.signal)
            // SIGKILL needs a moment to arrive, and nothing may happen in it.
            while order.signal == SIGKILL { pause() }
        }

        private static func say(_ text: String, to file: Int32) {
            let bytes = Array(text.utf8)
            _ = write(file, bytes, bytes.count)
        }
    }

    extension Armed.Order {
        init?(_ text: Substring) {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let place = parts[0].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let nth = place.count == 2 ? Int(place[1]) : 1, nth > 0 else { return nil }
            let isStatement = place[0].hasPrefix("sql.") && place[0].count > 4
            guard isStatement || Failpoint.names.contains(String(place[0])) else { return nil }
            switch parts.dropFirst().first ?? "kill" {
            case "kill": signal = SIGKILL
            case "stop": signal = SIGSTOP
            default: return nil
            }
            (name, self.nth) = (String(place[0]), nth)
        }
    }
#endif
