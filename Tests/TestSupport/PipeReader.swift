public import Foundation
import Synchronization

/// Gives away whatever comes out of a pipe, from a thread of its own.
///
/// `FileHandle.readabilityHandler` will not do: a handle that is closed while one is set ends the whole process now and
/// then, inside libdispatch.
public final class PipeReader: Sendable {
    private let file: FileHandle
    private let take: @Sendable (Data) -> Void
    private let reading = Mutex(())

    public init(_ file: FileHandle, _ take: @escaping @Sendable (Data) -> Void) {
        (self.file, self.take) = (file, take)
        Thread.detachNewThread { [self] in
            var place = pollfd(fd: file.fileDescriptor, events: Int16(POLLIN), revents: 0)
            while poll(&place, 1, -1) >= 0 || errno == EINTR {
                drain()
                if place.revents & ~Int16(POLLIN) != 0 { return }  // nobody writes any more
            }
        }
    }

    /// Everything that was written before this has been given away when it returns.
    public func drain() {
        reading.withLock { _ in
            var count: CInt = 0
            while ioctl(file.fileDescriptor, UInt(FIONREAD), &count) == 0, count > 0 {
                var bytes = [UInt8](repeating: 0, count: Int(count))
                let taken = read(file.fileDescriptor, &bytes, bytes.count)
                guard taken > 0 else { return }
                take(Data(bytes[..<taken]))
            }
        }
    }
}
