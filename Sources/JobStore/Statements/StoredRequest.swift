import Foundation
import Synchronization
import VideoModels

/// A job's request as its row holds it, read when somebody asks. Most steps of a job never do.
final class StoredRequest: Hashable, Sendable {
    private let json: Data
    private let known: Mutex<VideoRequest?>

    init(json: Data, value: VideoRequest? = nil) {
        self.json = json
        known = Mutex(value)
    }

    func value() throws -> VideoRequest {
        if let value = known.withLock({ $0 }) { return value }
        do {
            let value = try Wire.decode(VideoRequest.self, from: json)
            known.withLock { $0 = value }
            return value
        } catch {
            throw PostgresError.unexpectedRow("a job's request cannot be read: \(error)")
        }
    }

    /// The request as it goes to a phone.
    func wire() throws -> [UInt8] { try CompactJSON.rewrite(json) ?? Array(Wire.encode(try value())) }

    static func == (left: StoredRequest, right: StoredRequest) -> Bool { left === right || left.json == right.json }
    func hash(into hasher: inout Hasher) { hasher.combine(json) }
}
