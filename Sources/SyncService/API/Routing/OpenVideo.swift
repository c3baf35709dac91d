import ObjectStorage
import VideoModels

/// A video that is being played: a player asks for one piece after the other, and each would ask the database and open the
/// file anew. Files only; what lies in an object service is looked up each time.
struct OpenVideo: Sendable {
    var content: StoredContent
    var reader: ObjectReader
}

/// By their users.
typealias OpenVideos = UserMemory<VideoID, OpenVideo>

extension OpenVideos {
    /// Each is believed for a second, and its file let go of at the next round after that.
    convenience init(now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }) {
        self.init(capacity: 256, belief: .seconds(1), now: now)
    }
}
