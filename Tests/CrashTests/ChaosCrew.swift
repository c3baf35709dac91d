import Foundation
import StackSupport
import TestSupport

/// The workers of a chaos run. One that dies is started again at once, armed with another failpoint.
actor ChaosCrew {
    private struct Place {
        var process: GondolaProcess?
        var lives = 0
        var keeper: Task<Void, Never>?
    }

    private let seed: UInt64
    private let stack: Stack
    private var places: [Place]
    private var isCalm = false
    private(set) var deaths: [String: Int] = [:]
    private var troubles: [String] = []
    nonisolated let states: [String]

    init(seed: UInt64, stack: Stack, workers: Int) throws {
        (self.seed, self.stack) = (seed, stack)
        places = Array(repeating: Place(), count: workers)
        states = (0..<workers).map { "state-\($0)" }
        let key = Data((0..<32).map { UInt8($0) }).base64EncodedString()
        let file = stack.directory.appending(path: "secret.key")
        try Data(key.utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
    }

    func start() {
        for number in places.indices {
            // Without a parent: it lives as long as the crew, and `end` waits for it.
            places[number].keeper = Task { await keep(number) }
        }
    }

    private func keep(_ number: Int) async {
        while !isEnding {
            do {
                let process = try await stack.launch(environment(number), program: "crash-worker")
                places[number].process = process
                places[number].lives += 1
                note(await process.waitUntilGone(), process)
            } catch {
                troubles.append("a worker cannot be started: \(error)")
                return
            }
        }
    }

    private var isEnding = false

    private func environment(_ number: Int) -> [String: String] {
        var environment = OutageTests.rhythm([
            "GONDOLA_STATE_DIR": stack.directory.appending(path: states[number]).path,
            "GONDOLA_SECRET_KEY_FILE": stack.directory.appending(path: "secret.key").path,
            "GONDOLA_ANSWER_TIMEOUT": "20s", "GONDOLA_STORAGE_FLOOR": "1", "GONDOLA_CLAIM_INTERVAL": "2s",
        ])
        if !isCalm {
            environment["GONDOLA_FAILPOINT"] = ChaosSchedule.order(
                seed: seed, worker: number, life: places[number].lives)
        }
        return environment
    }

    /// A worker ends by SIGKILL or in order; anything else is a crash of its own.
    private func note(_ status: Int32, _ process: GondolaProcess) {
        let atFailpoint = process.hasLogged { $0["message"] == "failpoint" }
        deaths[status == -SIGKILL ? (atFailpoint ? "at a failpoint" : "killed") : "status \(status)", default: 0] += 1
        if status != -SIGKILL, status != 0 || !isEnding {
            troubles.append("a worker ended with \(status):\n\(process.lastLines)")
        }
    }

    /// An address that served a moment ago; nil while none does.
    func address(_ turn: Int) -> GondolaProcess? {
        let ready = places.compactMap(\.process).filter { $0.isRunning && $0.isReady }
        return ready.isEmpty ? nil : ready[turn % ready.count]
    }

    func kill(_ number: Int) { places[number].process.map { _ = Foundation.kill($0.processIdentifier, SIGKILL) } }

    func pause(_ number: Int, seconds: Double) async throws {
        guard let process = places[number].process else { return }
        process.pause()
        try await Task.sleep(for: .seconds(seconds))
        process.goOn()
    }

    /// From now on nobody is armed.
    func calmDown() {
        isCalm = true
        for number in places.indices { kill(number) }
    }

    /// Ends all of them in order; returns what went wrong with any.
    func end() async -> [String] {
        isEnding = true
        for place in places { if let process = place.process { process.askToEnd() } }
        for place in places { await place.keeper?.value }
        return troubles
    }
}
