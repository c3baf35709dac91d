/// What the doctor found: every check with its verdict, and the worst of them.
public struct Diagnosis: Encodable, Sendable {
    public var verdict: Verdict
    public var checks: [Check]

    public init(_ checks: [Check]) {
        self.checks = checks
        verdict = checks.map(\.verdict).max() ?? .ok
    }

    /// From good to bad.
    public enum Verdict: String, Encodable, Hashable, Sendable, Comparable, CaseIterable {
        case ok, warn, fail

        public static func < (left: Self, right: Self) -> Bool {
            (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
        }
    }

    public struct Check: Encodable, Hashable, Sendable {
        /// A stable word.
        public var name: String
        public var verdict: Verdict
        /// What was found.
        public var what: String
        /// What to do about it; absent when all is well.
        public var mend: String?
        /// How long the check took.
        public var seconds: Double
    }
}

/// What one check came to, before anybody has timed it.
struct CheckResult: Hashable, Sendable {
    var verdict: Diagnosis.Verdict
    var what: String
    var mend: String?

    static func ok(_ what: String) -> Self { Self(verdict: .ok, what: what, mend: nil) }
    static func warn(_ what: String, mend: String) -> Self { Self(verdict: .warn, what: what, mend: mend) }
    static func fail(_ what: String, mend: String) -> Self { Self(verdict: .fail, what: what, mend: mend) }
}
