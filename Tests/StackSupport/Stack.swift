package import Foundation
package import SyncService
package import TestSupport
package import VeniceSimulator
package import VideoModels

/// The whole product on real parts: a Postgres database, directories, the simulator on a socket, and Gondola as a process
/// of its own that can be killed and started again.
package struct Stack: Sendable {
    package let database: TestDatabase
    package let simulator: Simulator
    package let directory: URL
    package let user: UserID
    package let token: Redacted<String>
    /// Where the processes find the database: as a role that is no superuser, as an operator's is.
    package let address: String
    package let processes = Processes()

    /// A hundred times as fast as the real service.
    package static let timeScale = 0.01

    package static func with(
        _ configure: (inout VeniceSimulator.Configuration) -> Void = { _ in }, _ body: (Stack) async throws -> Void
    ) async throws {
        try await TestDatabase.with { try await with($0, configure, body) }
    }

    /// The same on a database that somebody else made.
    package static func with(
        _ database: TestDatabase, _ configure: (inout VeniceSimulator.Configuration) -> Void = { _ in },
        _ body: (Stack) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "gondola-e2e-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        // Clips are kept between runs: making them takes longer than the tests.
        let media = FileManager.default.temporaryDirectory.appending(path: "gondola-test-media")
        var configuration = VeniceSimulator.Configuration(mediaDirectory: media)
        configuration.timeScale = timeScale
        configure(&configuration)
        let simulator = try await Simulator.start(configuration)
        let user = UserID(at: Date())
        _ = try await database.store.addUser(named: "e2e \(user)", id: user)
        let token = try await database.store.issueToken(user: user, device: DeviceID(at: Date()), name: "phone")
        let stack = Stack(
            database: database, simulator: simulator, directory: directory, user: user, token: token,
            address: try await database.ordinaryConninfo())
        let result: Result<Void, any Error>
        do { result = .success(try await body(stack)) } catch { result = .failure(error) }
        await stack.processes.killAll()
        try await simulator.shutdown()
        try result.get()
    }

    /// Starts `gondola run`, or another program that does the same, and returns once it serves.
    package func start(_ extra: [String: String] = [:], program: String = "gondola") async throws -> GondolaProcess {
        let process = try await launch(extra, program: program)
        try await process.waitUntilReady()
        return process
    }

    /// Starts a process and does not wait for it.
    package func launch(_ extra: [String: String] = [:], program: String = "gondola") async throws -> GondolaProcess {
        let environment = [
            "DATABASE_URL": address, "VENICE_API_KEY": "VENICE_INFERENCE_KEY_e2e",
            "VENICE_BASE_URL": simulator.baseURL + "/api/v1", "VENICE_DOWNLOAD_HOSTS": "127.0.0.1",
            "GONDOLA_STORAGE": directory.appending(path: "objects").path,
            "GONDOLA_STATE_DIR": directory.appending(path: "state").path, "GONDOLA_LISTEN": "127.0.0.1:0",
            "GONDOLA_OPS_LISTEN": "127.0.0.1:0", "GONDOLA_TIME_SCALE": "\(Self.timeScale)",
            "GONDOLA_REQUESTS_PER_MINUTE": "1000000", "GONDOLA_LOG_FORMAT": "json", "GONDOLA_LEASE": "2s",
            "GONDOLA_LEASE_RENEWAL": "500ms",
            // Pictures have tests of their own; elsewhere their programs would only take the processor from what is looked at.
            "GONDOLA_FFMPEG": "none",
        ]
        return try await GondolaProcess.launch(program, environment.merging(extra) { $1 }, in: processes)
    }

    package func phone(_ process: GondolaProcess) throws -> PhoneClient {
        try PhoneClient(server: process.api, token: token)
    }

    package static func textRequest(_ prompt: String = "a gondola at dawn") -> VideoRequest {
        var request = VideoRequest(model: "wan-2.5-preview-text-to-video", prompt: prompt)
        (request.duration, request.resolution, request.aspectRatio) = ("5s", "480p", "16:9")
        return request
    }

    package static func privateRequest() -> VideoRequest {
        var request = VideoRequest(model: "grok-imagine-text-to-video-private", prompt: "a gondola at dusk")
        (request.duration, request.resolution, request.aspectRatio) = ("5s", "480p", "16:9")
        return request
    }

    package static func imageRequest(_ image: AssetID) -> VideoRequest {
        var request = VideoRequest(model: "wan-2.5-preview-image-to-video", prompt: "it begins to move")
        (request.duration, request.resolution, request.image) = ("5s", "480p", .asset(image))
        return request
    }
}
