import Foundation
import JobStore

/// The ring of keys that secrets in the database are sealed with: what `gondola secrets` shows and turns.
public struct SecretKeys: Sendable {
    private let configuration: Configuration
    private let secrets: SecretBox

    /// Reads the key file. Throws `SetupError` where there is none, or it holds anything but keys.
    public init(_ configuration: Configuration) throws {
        self.configuration = configuration
        let file = try StateDirectory(configuration.stateDirectory).keyFile(configuration.secretKeyFile)
        guard FileManager.default.fileExists(atPath: file) else {
            throw SetupError(
                "there is no key file \(file): name it with GONDOLA_SECRET_KEY_FILE, or its directory with GONDOLA_STATE_DIR"
            )
        }
        secrets = try StateDirectory.secrets(in: file)
    }

    /// A key's part in the ring and how much is sealed with it.
    public struct Key: Hashable, Sendable, Codable {
        /// Eight hexadecimal digits; nil for what was sealed before keys had ids.
        public var id: String?
        public var role: Role
        /// Whether a process must have it to start on this database.
        public var isNeeded: Bool
        public var secrets: Int

        public enum Role: String, Hashable, Sendable, Codable {
            case seals, opens
            /// Not in the key file.
            case missing
            /// Older than ids: any key of the file may be the one.
            case unnamed
        }

        enum CodingKeys: String, CodingKey {
            case id, role, secrets
            case isNeeded = "is_needed"
        }
    }

    public func status() async throws -> [Key] {
        try await configuration.withStore(secrets: secrets) { store in
            Self.keys(secrets.keyIDs, sealed: try await store.sealedSecrets(), needed: try await store.sealingKeyID())
        }
    }

    static func keys(_ ring: [String], sealed: [SealedSecrets], needed: String?) -> [Key] {
        let counts = Dictionary(uniqueKeysWithValues: sealed.map { ($0.keyID, $0.secrets) })
        let others = Set(sealed.compactMap(\.keyID) + [needed].compactMap { $0 }).subtracting(ring).sorted()
        let named = (ring + others).enumerated().map { place, id in
            Key(
                id: id, role: place == 0 ? .seals : place < ring.count ? .opens : .missing, isNeeded: id == needed,
                secrets: counts[id] ?? 0)
        }
        guard let unnamed = counts[nil] else { return named }
        return named + [Key(id: nil, role: .unnamed, isNeeded: false, secrets: unnamed)]
    }

    /// Seals everything with the first key. Returns how many secrets were sealed anew.
    public func rotate(progress: (Int) -> Void) async throws -> Int {
        try await configuration.withStore(secrets: secrets) { store in
            guard try await store.sharesSealingKey() else {
                throw SetupError(
                    "none of the keys is the one that this database's secrets are sealed with; put that one in a line below"
                )
            }
            return try await store.resealSecrets(progress: progress)
        }
    }

    /// A line for the key file: 32 random bytes in base64.
    public static func newKey() -> String { StateDirectory.newKey() }
}
