import Foundation
import JobStore

/// What `gondola storage verify` found, and how far it has come.
public struct VerifyReport: Codable, Hashable, Sendable {
    /// Objects of the database that were compared, and the bytes that were hashed for it.
    public var rows = 0
    public var bytes: Int64 = 0
    /// Objects of the storage that were looked for in the database.
    public var objects = 0
    public var missing = 0
    public var corrupt = 0
    public var orphaned = 0
    /// What could not be read at all: another kind of file in the way, or a store that refuses.
    public var unreadable = 0
    public var repaired = 0
    /// The first thousand of them.
    public var findings: [Finding] = []

    static let mostFindings = 1000

    /// What is left to be mended.
    public var damage: Int { missing + corrupt + orphaned + unreadable - repaired }

    public init() {}

    public struct Finding: Codable, Hashable, Sendable {
        public var kind: Kind
        public var key: String
        /// For a person.
        public var what: String
        /// What was done about it; nil for nothing.
        public var repair: String?
    }

    public enum Kind: String, Codable, Hashable, Sendable { case missing, corrupt, orphaned, unreadable }

    mutating func note(_ finding: Finding) {
        switch finding.kind {
        case .missing: missing += 1
        case .corrupt: corrupt += 1
        case .orphaned: orphaned += 1
        case .unreadable: unreadable += 1
        }
        if finding.repair != nil { repaired += 1 }
        if findings.count < Self.mostFindings { findings.append(finding) }
    }
}

/// Where a walk is, so that another can go on from there.
struct VerifyCursor: Codable, Hashable, Sendable {
    var report = VerifyReport()
    /// The last row that was compared; of the second half the last object.
    var row: ExpectedObject.Place?
    var areRowsDone = false
    var object: String?

    static func load(_ path: String) -> VerifyCursor? {
        FileManager.default.contents(atPath: path).flatMap { try? JSONDecoder().decode(Self.self, from: $0) }
    }

    /// Whole or as before: it is written beside and renamed.
    func save(_ path: String) throws {
        try JSONEncoder().encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}

/// Lets so many bytes pass in a second, and no more.
struct Pace {
    let bytesPerSecond: Int64?
    let clock: any Clock<Duration>
    private var passed: Duration = .zero

    init(bytesPerSecond: Int64?, clock: any Clock<Duration>) {
        (self.bytesPerSecond, self.clock) = (bytesPerSecond, clock)
    }

    /// Waits as long as these bytes take at that pace. What was slower than it anyway is not made up for later.
    mutating func spend(_ bytes: Int) async throws {
        guard let rate = bytesPerSecond, rate > 0 else { return }
        passed += .seconds(Double(bytes) / Double(rate))
        // Many small waits would be longer than they should.
        guard passed >= .milliseconds(50) else { return }
        let wait = passed
        passed = .zero
        try await clock.sleep(for: wait)
    }
}
