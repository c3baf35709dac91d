/// How long to wait after failures in a row: anything up to a bound that doubles each time ("full jitter"), so that a
/// thousand phones that lost one server do not come back as one.
struct Backoff: Sendable {
    /// The bound after the first failure.
    var base: Duration = .milliseconds(500)
    static let limit: Duration = .seconds(30)
    private(set) var failures = 0

    mutating func succeed() { failures = 0 }

    /// Counts a failure. Never sooner than the server asked for, and spread behind that as well.
    mutating func fail(retryAfter: Duration?, using generator: inout some RandomNumberGenerator) -> Duration {
        let bound = min(Self.limit, base * Double(1 << min(failures, 10)))
        failures += 1
        return (retryAfter ?? .zero) + bound * Double.random(in: 0...1, using: &generator)
    }
}
