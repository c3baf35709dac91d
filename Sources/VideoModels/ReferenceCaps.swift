/// How many references a reference-to-video model takes, and how long and large they may be (PROTOCOL §14).
struct ReferenceCaps: Hashable, Sendable {
    var images: Int
    var videos: Clips?
    var audios: Clips?
    var documents = 0

    /// Clips or sounds: how many, each how long and large, and how long all together.
    struct Clips: Hashable, Sendable {
        var most: Int
        var seconds: ClosedRange<Double>
        var bytes: Int
        var total: Double

        var input: ModelInput {
            ModelInput(
                most: most, shortestSeconds: seconds.lowerBound, longestSeconds: seconds.upperBound,
                totalSeconds: total, mostBytes: bytes)
        }
    }

    /// The sources say "MB"; the larger reading, since it is the service that refuses.
    private static func megabytes(_ count: Int) -> Int { count << 20 }

    static let audioBytes = megabytes(15)
    static let documentBytes = megabytes(100)

    /// The caps of the model with this id.
    static func of(_ id: String) -> ReferenceCaps {
        table.first { id.hasPrefix($0.prefix) }?.caps ?? unknown
    }

    /// What a family that the table does not know takes.
    private static let unknown = ReferenceCaps(images: 4)

    private static func videos(_ most: Int, _ seconds: ClosedRange<Double>, megabytes count: Int) -> Clips {
        Clips(most: most, seconds: seconds, bytes: megabytes(count), total: seconds.upperBound)
    }

    private static func audios(_ most: Int, _ seconds: ClosedRange<Double>) -> Clips {
        Clips(most: most, seconds: seconds, bytes: audioBytes, total: seconds.upperBound)
    }

    /// The longer of two prefixes stands first.
    private static let table: [(prefix: String, caps: ReferenceCaps)] = [
        ("seedance-2-0", .init(images: 9, videos: videos(3, 2...15, megabytes: 50), audios: audios(3, 2...15))),
        ("seedance-2-5-us", .init(images: 30, videos: videos(10, 2...30, megabytes: 200), audios: audios(10, 2...30))),
        ("seedance-2-5", .init(images: 30, videos: videos(10, 2...30, megabytes: 50), audios: audios(10, 2...30))),
        (
            "wan-3-0",
            .init(images: 10, videos: videos(5, 1...15, megabytes: 100), audios: audios(5, 1...15), documents: 1)
        ),
        ("minimax-h3-enhanced", .init(images: 9, audios: audios(3, 2...15))),
        ("minimax-h3", .init(images: 9, videos: videos(3, 2...15, megabytes: 50), audios: audios(3, 2...15))),
        ("kling-o3-4k", .init(images: 7)),
        ("pixverse-c1", .init(images: 7)),
        ("grok-imagine", .init(images: 7)),
        ("gemini-omni-flash-1-1", .init(images: 10)),
        ("gemini-omni-flash", .init(images: 3)),
    ]
}
