import NIOCore
import Synchronization

/// The open connections, so that an end can wait for what is under way and cut the rest.
final class Connections: Sendable {
    private struct Members: Sendable {
        var bodyBytes = 0
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isDraining = false
    }

    /// The most connections that are open at once.
    static let capacity = 8_192

    private let members = Mutex(Members())

    var isDraining: Bool { members.withLock { $0.isDraining } }

    /// Takes a connection in; false when there are too many, or when the end has begun.
    func add(_ channel: any Channel) -> Bool {
        members.withLock { members in
            guard members.channels.count < Self.capacity, !members.isDraining else { return false }
            members.channels[ObjectIdentifier(channel)] = channel
            return true
        }
    }

    /// All bodies that are being read, together, hold at most that many bytes.
    static let bodyBudget = 2_000_000_000

    /// Books bytes of a body that are kept in memory; false when there is no room for them.
    func hold(_ bytes: Int) -> Bool {
        members.withLock { members in
            guard members.bodyBytes + bytes <= Self.bodyBudget else { return false }
            members.bodyBytes += bytes
            return true
        }
    }

    func release(_ bytes: Int) { members.withLock { $0.bodyBytes -= bytes } }

    func remove(_ channel: any Channel) {
        members.withLock { _ = $0.channels.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    /// Lets answers that are under way go out for at most a moment, then cuts every connection.
    func drain() async {
        let open = members.withLock { members in
            members.isDraining = true
            return Array(members.channels.values)
        }
        for channel in open {
            channel.pipeline.fireUserInboundEventTriggered(DrainEvent())
            channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
        }
        for channel in open { try? await channel.closeFuture.get() }
    }
}

/// Tells a connection to close as soon as it has nothing under way.
struct DrainEvent: Sendable {}
