import Foundation
import JobStore
import ObjectStorage

/// Brings every object from the former storage to the present one: what `gondola storage move` does.
public struct StorageMove: Sendable {
    private let storage: Storage
    private let stores: MovingObjectStore
    private let configuration: Configuration

    /// Throws `SetupError` where no former storage is named, or one of both cannot be used.
    public init(_ configuration: Configuration) throws {
        storage = try Storage(configuration, state: StateDirectory(configuration.stateDirectory))
        guard let stores = storage.objects as? MovingObjectStore else {
            throw SetupError("nothing to move from: name the former storage with GONDOLA_STORAGE_FORMER")
        }
        self.stores = stores
        self.configuration = configuration
    }

    /// How far it is. `failures` name what stays where it is, and why.
    public struct Report: Encodable, Hashable, Sendable {
        public var objects: Int
        public var bytes: Int64
        public var moved: Int
        public var movedBytes: Int64
        public var alreadyThere: Int
        public var failures: [Failure]

        public struct Failure: Encodable, Hashable, Sendable {
            public var key: String
            public var reason: String
        }

        public var done: Int { moved + alreadyThere + failures.count }

        init(_ report: ObjectMove.Report) {
            (objects, bytes, moved) = (report.objects, report.bytes, report.moved)
            (movedBytes, alreadyThere) = (report.movedBytes, report.alreadyThere)
            failures = report.failures.map { Failure(key: $0.key.description, reason: "\($0.error)") }
        }

        enum CodingKeys: String, CodingKey {
            case objects, bytes, moved, failures
            case movedBytes = "moved_bytes"
            case alreadyThere = "already_there"
        }
    }

    /// - Parameter isCopy: whether the former storage keeps its objects.
    public func run(keepingOld isCopy: Bool, progress: (Report) -> Void) async throws -> Report {
        defer { storage.stop() }
        return try await configuration.withStore { store in
            let move = Self.move(from: stores.former, to: stores.current, keepingOld: isCopy, store)
            do throws(ObjectStoreError) { return Report(try await move.run { progress(Report($0)) }) } catch {
                throw SetupError("the storage cannot be listed: \(error)")
            }
        }
    }

    /// Several may run at once, on any machines: what a row names is never deleted from the new place. So it is in doubt,
    /// while the database is away.
    static func move(
        from former: any ObjectStore, to current: any ObjectStore, keepingOld isCopy: Bool, _ store: PostgresStore
    ) -> ObjectMove {
        ObjectMove(from: former, to: current, keepingOld: isCopy) { key in
            if key.user == StorageVerify.lostAndFound[...] { return true }
            return (try? await store.knownKeys(among: [key.description]).isEmpty) != true
        }
    }
}
