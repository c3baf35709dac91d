import JobStore
import Synchronization
import VideoModels

/// Who asks: what a handler knows of the device behind a request.
///
/// Whoever waits or streams on the caller's behalf ends when `revoked` goes off, as it does for the request's `drain`: the
/// device's access was taken away, its time is over, or its user is shut out (`loss` says which). A wait that does not is cancelled at once, the
/// body of a request breaks off, and an answer that is still on its way is cut a moment later.
struct Caller: Sendable {
    let session: DeviceSession
    let scopes: Set<Scope>

    var user: UserID { session.user }
    var device: DeviceID { session.device }
    /// Goes off when the device loses its access.
    var revoked: DrainSignal { session.revoked }
    /// Why it has none any more; nil while it has.
    var loss: AccessLoss? { session.loss }
}

/// What one device has open in this process. Shared by all of its requests, and gone with the last.
final class DeviceSession: Sendable {
    let user: UserID
    let device: DeviceID
    let revoked = DrainSignal()
    private let reason = Mutex<AccessLoss?>(nil)
    private let requests = Counter()
    private let whenGone: @Sendable () -> Void

    init(user: UserID, device: DeviceID, whenGone: @escaping @Sendable () -> Void) {
        (self.user, self.device, self.whenGone) = (user, device, whenGone)
    }

    deinit { whenGone() }

    /// The device has lost its access. The first reason counts.
    func end(_ loss: AccessLoss) {
        reason.withLock { $0 = $0 ?? loss }
        revoked.set()
    }

    var loss: AccessLoss? { reason.withLock { $0 } }

    /// A place for one more request, kept until it is let go; nil where the device has so many under way already.
    func enter(atMost limit: Int) -> Place? { requests.take(atMost: limit) ? Place(requests) : nil }

    /// One request of the device that is under way.
    final class Place: Sendable {
        private let requests: Counter

        fileprivate init(_ requests: Counter) { self.requests = requests }

        deinit { requests.giveBack() }
    }
}
