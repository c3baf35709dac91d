/// When plans are made anew. One that was made while a table was small may go through all of a user's rows instead of to
/// one of them, and nobody tells before the table has been analysed. So plans live longer the older the connection is, up
/// to a few seconds, which costs some milliseconds each time.
struct PlanAge {
    static let longest = Duration.seconds(10)

    private var madeAt: ContinuousClock.Instant
    private var life = Duration.milliseconds(50)

    init(madeAt: ContinuousClock.Instant) { self.madeAt = madeAt }

    mutating func areStale(at now: ContinuousClock.Instant) -> Bool {
        guard now - madeAt >= life else { return false }
        (madeAt, life) = (now, min(life * 2, Self.longest))
        return true
    }
}
