public import Foundation

/// How far the service's clock is ahead of ours, as far as its answers have told.
///
/// A `Date` header has whole seconds and its answer took its time, so each answer gives an interval: the service's clock
/// showed at least `date`, and less than a second more, at some moment between sending and receiving. The estimate moves
/// only when it lies outside, and then no further than to the nearer end; a slow or late answer therefore spoils nothing.
public struct ClockSkew: Hashable, Sendable {
    /// To be added to our time. Zero until an answer says otherwise.
    public private(set) var offset: TimeInterval = 0

    /// A difference above that is taken for a broken header, not for a broken clock: certificates would be refused first.
    public static let most: TimeInterval = 86_400

    public init() {}

    /// - Parameters:
    ///   - date: what the answer's `Date` header says.
    ///   - sent: our time when the request was about to leave.
    ///   - received: our time when the answer's head was here.
    public mutating func learn(date: Date, sent: Date, received: Date) {
        // A clock of ours that was set back meanwhile makes the interval wider, never inverted.
        let earliest = date.timeIntervalSince(max(sent, received))
        let latest = date.timeIntervalSince(min(sent, received)) + 1
        guard abs(earliest) <= Self.most, abs(latest) <= Self.most else { return }
        offset = min(max(offset, earliest), latest)
    }

    /// The service's time when ours is `now`.
    public func time(at now: Date) -> Date { now.addingTimeInterval(offset) }
}
