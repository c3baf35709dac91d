import VideoModels

/// Two copies of a user's objects, held against each other.
enum FeedComparison {
    /// Every difference, in words; empty for equal copies.
    static func differences(followed: MemoryChangeStore, replayed: MemoryChangeStore) -> [String] {
        compare("job", followed.jobs, replayed.jobs) + compare("video", followed.videos, replayed.videos)
    }

    private static func compare<Object: FeedObject>(
        _ kind: String, _ followed: FeedObjects<Object>, _ replayed: FeedObjects<Object>
    ) -> [String] {
        Set(followed.keys).union(replayed.keys).sorted { "\($0)" < "\($1)" }.compactMap { id in
            switch (followed[id], replayed[id]) {
            case (let one?, let other?):
                one == other ? nil : "\(kind) \(id) differs: \(one) followed, \(other) replayed"
            case (.some, nil): "\(kind) \(id) was followed, and a replay does not have it"
            case (nil, .some): "\(kind) \(id) is in a replay, and was never followed"
            case (nil, nil): nil
            }
        }
    }
}
