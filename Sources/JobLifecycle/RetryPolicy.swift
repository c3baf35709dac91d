public import Foundation

/// Waiting times after trouble: anywhere from nothing to a span that doubles from `first` to `longest`.
///
/// The whole span, not its upper part: many jobs that failed together come back spread over all of it. The figures are
/// PROTOCOL §12.3's.
public struct Backoff: Hashable, Sendable {
    public var first: TimeInterval = 0.5
    public var longest: TimeInterval = 30

    public init() {}

    /// `attempt` counts from 1; `jitter` is in 0 ..< 1.
    public func delay(attempt: Int, jitter: Double) -> TimeInterval {
        min(longest, first * pow(2, Double(min(max(attempt, 1), 32) - 1))) * jitter
    }

    /// The waits after trouble of one kind: what rarely ends within seconds is asked about less often.
    public func after(_ kind: Setback.Kind) -> Self {
        switch kind {
        case .unreachable, .serverError, .storage, .modelUnavailable: self
        case .throttled: scaled(by: 2)
        case .accountRefused: scaled(by: 4)
        }
    }

    func scaled(by factor: Double) -> Self {
        var copy = self
        copy.first *= factor
        copy.longest *= factor
        return copy
    }
}

/// When trying is given up as long as nothing is paid. A paid job is bounded by its deadline alone.
public struct RetryPolicy: Hashable, Sendable {
    /// So many tries in a row, and for so long, while the upstream cannot be reached or answers nonsense.
    public var tries = 500
    public var age: TimeInterval = 2 * 3600
    /// For so long where waiting is the remedy: a limit, an account to be mended, a model that is away.
    public var patience: TimeInterval = 24 * 3600

    public init() {}

    /// Each such try waits for what the upstream named, so it is the age that ends them.
    static let patientTries = 5000

    /// The bound for trouble of one kind; nil for what is tried as long as it takes.
    public func bound(for kind: Setback.Kind) -> Bound? {
        switch kind {
        case .unreachable, .serverError: Bound(tries: tries, age: age)
        case .throttled, .accountRefused, .modelUnavailable: Bound(tries: Self.patientTries, age: patience)
        // Our own disk: the operator makes room, and no job is to blame.
        case .storage: nil
        }
    }

    public struct Bound: Hashable, Sendable {
        public var tries: Int
        public var age: TimeInterval
    }

    func scaled(by factor: Double) -> Self {
        var copy = self
        copy.age *= factor
        copy.patience *= factor
        return copy
    }
}

/// A row of troubles that a bound counts.
public struct Trouble: Hashable, Sendable, Codable {
    /// Of whatever kind.
    public var since: Date
    public var last: Date
    /// Those of the last kind, one after the other.
    public var kind: String
    public var kindSince: Date
    public var tries: Int
}

extension RetryPolicy {
    /// The row with one more setback. Trouble that nobody bounds ends a row: it is no fault of the upstream's.
    func next(_ row: Trouble?, _ kind: Setback.Kind, at now: Date) -> Trouble? {
        guard bound(for: kind) != nil else { return nil }
        // After a long time without any, what was before is another story: the job waited for its turn, not for the upstream.
        let row = row.flatMap { now.timeIntervalSince($0.last) < patience / 4 ? $0 : nil }
        let (word, same) = (kind.word, row?.kind == kind.word ? row : nil)
        return Trouble(
            since: row?.since ?? now, last: now, kind: word, kindSince: same?.kindSince ?? now,
            tries: (same?.tries ?? 0) + 1)
    }

    /// How a job ends whose row has reached its bound; nil while it goes on.
    func verdict(on row: Trouble?, _ kind: Setback.Kind, at now: Date) -> Failure? {
        guard let row, let bound = bound(for: kind) else { return nil }
        // Kinds that take turns have an end, too.
        guard
            row.tries >= bound.tries || now.timeIntervalSince(row.kindSince) >= bound.age
                || now.timeIntervalSince(row.since) >= max(patience, bound.age)
        else { return nil }
        let tried = "given up after \(row.tries) tries; nothing was charged for them."
        return switch kind {
        case .unreachable, .serverError, .throttled, .storage:
            Failure(.upstreamUnavailable, "The upstream did not take the request, \(tried)")
        case .accountRefused: Failure(.accountUnavailable, "The account that pays could not be used, \(tried)")
        case .modelUnavailable: Failure(.modelUnavailable, "The model stayed unavailable, \(tried)")
        }
    }
}

extension Setback.Kind {
    /// What is bounded together.
    fileprivate var word: String {
        switch self {
        case .unreachable, .serverError: "unreachable"
        case .throttled: "throttled"
        case .storage: "storage"
        case .accountRefused: "account"
        case .modelUnavailable: "model"
        }
    }
}

/// How long nobody asks for a model that is offline or at capacity: doubling with each probe that finds it so.
public struct ModelPausePolicy: Hashable, Sendable {
    public var first: TimeInterval = 15
    public var longest: TimeInterval = 900

    public init() {}

    /// `failures` counts from 1. What the upstream asks for counts where it is longer, within the bound.
    public func pause(failures: Int, retryAfter: TimeInterval? = nil) -> TimeInterval {
        let doubled = first * pow(2, Double(min(max(failures, 1), 32) - 1))
        return min(longest, max(doubled, retryAfter ?? 0))
    }

    func scaled(by factor: Double) -> Self {
        var copy = self
        copy.first *= factor
        copy.longest *= factor
        return copy
    }
}
