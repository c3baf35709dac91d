import Foundation
import Synchronization

/// From where in time a claimer looks for due jobs.
///
/// Every claim leaves a dead entry in the index of what is due. Usually vacuum takes those away, and a scan that meets one
/// marks it to be passed over. While some session holds an old snapshot neither may happen, and a scan from the beginning
/// goes through all that were claimed since. So a claim begins where the last one stopped.
///
/// A job may come to stand before that place: its transaction drew the time and committed later. Hence two looks back, which
/// only read and hold up no claim. One a second goes as far back as our own transactions may wait for a lock. One from the
/// beginning is taken as often as it is cheap: whenever there is nothing else to do while it takes next to nothing,
/// otherwise for a twentieth of the time at most. A claim itself goes back a moment, which covers what is usual.
struct ClaimWindow: Hashable, Sendable {
    static let late: TimeInterval = 0.1
    static let longLate: TimeInterval = 12
    static let leastGap = Duration.seconds(1)
    static let cheap = Duration.milliseconds(5)
    static let share = 20

    /// A look for what is due before the place.
    enum Look: Hashable, Sendable { case recent, full }

    /// All that was due by then, in the database's time, has been claimed or is locked by somebody; nil if nothing is known.
    private(set) var passed: Date?
    private var lastLook: ContinuousClock.Instant?
    private var nextFullLook: ContinuousClock.Instant?
    private var isFullLookCheap = true
    private var isLooking = false

    /// A claim that began at the place `start` looked at `moment`, in the database's time; `last` is when its last job was
    /// due, if it found as many as it asked for. One that found nothing does not know when it looked, and the place stays.
    ///
    /// What a look has found meanwhile, before that place, is not forgotten: the next claim begins there.
    mutating func claimed(from start: Date?, upTo last: Date?, at moment: Date?) {
        guard let moment else { return }
        let recent = moment.addingTimeInterval(-Self.late)
        let next = last.map { min($0, recent) } ?? recent
        if let start, let passed, passed < start {
            self.passed = min(passed, next)
            return
        }
        passed = next
    }

    /// The look that is to be taken now, beside the claims; the next comes after `looked`.
    mutating func begin(at now: ContinuousClock.Instant) -> Look? {
        guard passed != nil, !isLooking else { return nil }
        if let lastLook, now - lastLook < Self.leastGap { return nil }
        isLooking = true
        return nextFullLook.map { now < $0 } ?? false ? .recent : .full
    }

    /// Whether a claim that found nothing should look from the beginning itself.
    var looksWhenIdle: Bool { passed != nil && isFullLookCheap }

    /// Where a look begins; nil for the beginning.
    func start(of look: Look) -> Date? {
        look == .full ? nil : passed?.addingTimeInterval(-Self.longLate)
    }

    /// A look took `cost` until now, and `found` is the first that is due before the place, if any.
    mutating func looked(_ look: Look, at now: ContinuousClock.Instant, cost: Duration, found: Date?) {
        (isLooking, lastLook) = (false, now)
        if look == .full {
            nextFullLook = now + max(Self.leastGap, cost * Self.share)
            isFullLookCheap = cost < Self.cheap
        }
        if let found, let place = passed { passed = min(place, found) }
    }

    /// Nothing is known any more: a claim failed, and what it had taken is free again.
    mutating func forget() { passed = nil }
}

extension ClaimWindow {
    /// What the claims of one process know.
    final class Shared: Sendable {
        private let window = Mutex(ClaimWindow())

        func update<T: Sendable>(_ body: (inout ClaimWindow) -> T) -> T { window.withLock { body(&$0) } }
    }
}
