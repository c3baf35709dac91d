import Foundation
import StackSupport
import TestSupport
import Testing

/// `make chaos SEED=… SECONDS=…`: see README.md.
@Suite struct ChaosTests {
    private static let environment = ProcessInfo.processInfo.environment

    @Test(.enabled(if: environment["GONDOLA_CHAOS_SECONDS"] != nil, "`make chaos` runs it, for as long as told"))
    func `whatever goes wrong at once, the books agree in the end`() async throws {
        let seed = try #require(UInt64(Self.environment["GONDOLA_CHAOS_SEED"] ?? "1"))
        let seconds = try #require(Double(Self.environment["GONDOLA_CHAOS_SECONDS"] ?? ""))
        try await PostgresServer.with { server in
            try await server.withDatabase { database in
                try await Stack.with(database, Chaos.configure) { stack in
                    let report = try await Chaos(seed: seed, seconds: seconds, stack: stack, server: server)()
                    print(report.table)
                    #expect(report.violations == [], "run again with: make chaos SEED=\(seed) SECONDS=\(Int(seconds))")
                }
            }
        }
    }
}
