import Foundation
import JobStore
import StackSupport
import TestSupport
import Testing

@Suite struct RegisterTests {
    @Test(.timeLimit(.minutes(10)))
    func `a process stands in the register while it serves, and ends in order when it is asked to drain there`()
        async throws
    {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let process = try await stack.registered()
            #expect(process.pid == Int(gondola.processIdentifier) && process.roles == [.api, .worker])
            #expect("http://\(process.opsListen)" == gondola.ops)
            #expect(try await stack.database.store.askToDrain([process.id]) == [process.id])
            #expect(await gondola.waitUntilGone() == 0)
            #expect(gondola.hasLogged { $0["message"] == "draining" && $0["signal"] == "drain request" })
            #expect(gondola.hasLogged { $0["message"] == "stopped" })
            #expect(try await stack.database.store.processes().isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a process that was killed stays in the register, and its leases with it`()
        async throws
    {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            let process = try await stack.registered()
            await gondola.kill()
            #expect(try await stack.database.store.processes().map(\.id) == [process.id])
        }
    }
}

extension Stack {
    /// The first process in the register, once there is one.
    fileprivate func registered() async throws -> ProcessRecord {
        while true {
            if let process = try await database.store.processes().first { return process }
            await Task.yield()
        }
    }
}
