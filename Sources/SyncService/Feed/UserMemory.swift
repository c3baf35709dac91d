import Foundation
import Synchronization
import VideoModels

/// What was read of users a moment ago, for those who ask for the same again.
///
/// Something counts only while changes are heard of, and for `belief` at most, which bounds how long a change of another
/// process can stay unseen if its notification is lost. What is written by this process is heard of before the writer gets
/// its answer, so nobody is told what is older than what they know from here.
final class UserMemory<Name: Hashable & Sendable, Value: Sendable>: Sendable {
    /// Taken before the database is asked; what was asked before a change was heard of is not kept.
    struct Ticket: Sendable {
        fileprivate var rings: UInt32
        fileprivate var doubts: UInt64
    }

    private typealias Things = [UserID: [Name: (value: Value, until: ContinuousClock.Instant)]]

    private struct State {
        /// Two generations: the elder is dropped when the younger is full, so nothing is searched through to make room.
        var young: Things = [:]
        var old: Things = [:]
        /// How many are in the younger.
        var count = 0
        /// How often anything was heard of a user, for all users that fall on the same number: no more memory for more users.
        var rings = [UInt32](repeating: 0, count: 4096)
        var doubts: UInt64 = 0
        var hears: @Sendable () -> Bool = { false }
    }

    /// How much is remembered at most.
    let capacity: Int
    /// How long it is believed.
    let belief: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    init(capacity: Int, belief: Duration, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        (self.capacity, self.belief, self.now) = (capacity, belief, now)
    }

    /// Whether changes of other processes are heard of. Before this is called, none is, and nothing is remembered.
    func listen(while hears: @escaping @Sendable () -> Bool) { state.withLock { $0.hears = hears } }

    func value(_ name: Name, of user: UserID) -> Value? {
        let now = now()
        return state.withLock { state in
            guard let found = state.young[user]?[name] ?? state.old[user]?[name], found.until > now, state.hears()
            else {
                return nil
            }
            return found.value
        }
    }

    func ticket(for user: UserID) -> Ticket {
        state.withLock { Ticket(rings: $0.rings[Self.slot(user)], doubts: $0.doubts) }
    }

    /// Keeps what was read after the ticket was taken, unless something was heard of the user since.
    func keep(_ name: Name, of user: UserID, _ ticket: Ticket, _ make: () -> Value?) {
        // Nothing is made for nothing.
        guard state.withLock({ $0.hears() }), let value = make() else { return }
        let until = now() + belief
        let dropped = state.withLock { state -> (Things, former: Value?) in
            guard state.hears(), ticket.rings == state.rings[Self.slot(user)], ticket.doubts == state.doubts else {
                return ([:], nil)
            }
            var dropped: Things = [:]
            if state.count >= capacity / 2 {
                (state.young, state.old, state.count, dropped) = ([:], state.young, 0, state.old)
            }
            let former = state.young[user, default: [:]].updateValue((value, until), forKey: name)
            if former == nil { state.count += 1 }
            return (dropped, former?.value)
        }
        // Let go of outside the lock: it may hold files.
        withExtendedLifetime(dropped) {}
    }

    /// Something of the user changed.
    func forget(_ user: UserID) {
        let dropped = state.withLock { state in
            state.rings[Self.slot(user)] &+= 1
            let dropped = (state.young.removeValue(forKey: user), state.old.removeValue(forKey: user))
            state.count -= dropped.0?.count ?? 0
            return dropped
        }
        withExtendedLifetime(dropped) {}
    }

    /// Anything may have changed.
    func forgetAll() {
        let dropped = state.withLock { state in
            defer { (state.young, state.old, state.count) = ([:], [:], 0) }
            state.doubts += 1
            return (state.young, state.old)
        }
        withExtendedLifetime(dropped) {}
    }

    /// Lets go of what is believed no more.
    func letGo() {
        let now = now()
        let dropped = state.withLock { state in
            defer {
                state.young = Self.living(state.young, at: now)
                state.old = Self.living(state.old, at: now)
                state.count = state.young.values.reduce(0) { $0 + $1.count }
            }
            return (state.young, state.old)
        }
        withExtendedLifetime(dropped) {}
    }

    private static func living(_ things: Things, at now: ContinuousClock.Instant) -> Things {
        things.compactMapValues { named in
            let living = named.filter { $0.value.until > now }
            return living.isEmpty ? nil : living
        }
    }

    var count: Int {
        state.withLock { state in
            state.young.values.reduce(0) { $0 + $1.count } + state.old.values.reduce(0) { $0 + $1.count }
        }
    }

    private static func slot(_ user: UserID) -> Int { Int(user.uuid.uuid.15) << 4 | Int(user.uuid.uuid.14 & 15) }
}
