import ArgumentParser
import Foundation
import SyncService
import VideoModels

/// Where the commands for the phone's API find the server, and as whom they come.
struct PhoneOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The phone's API (GONDOLA_SERVER; default: http://127.0.0.1:8080). The token is in GONDOLA_TOKEN.",
            valueName: "url"))
    var server: String?

    func client() throws -> PhoneClient {
        let environment = ProcessInfo.processInfo.environment
        guard let token = environment["GONDOLA_TOKEN"], !token.isEmpty else {
            throw CommandFailure(
                .refusedCredentials,
                "GONDOLA_TOKEN is not set; `gondola tokens issue --user NAME --device NAME` prints a token for it")
        }
        return try PhoneClient(server: address, token: Redacted(token))
    }

    /// The server that was named, or the one that `gondola run` is by default.
    var address: String {
        let named = ProcessInfo.processInfo.environment["GONDOLA_SERVER"].flatMap { $0.isEmpty ? nil : $0 }
        return server ?? named ?? "http://127.0.0.1:8080"
    }
}

/// Repeats a call that may well succeed in a moment, a bounded number of times.
func patiently<T>(tries: Int = 5, _ call: () async throws -> T) async throws -> T {
    for attempt in 1..<max(tries, 2) {
        do { return try await call() } catch let error as PhoneClientError where error.isPassing {
            try await Task.sleep(for: .milliseconds(250 << attempt))
        }
    }
    return try await call()
}
