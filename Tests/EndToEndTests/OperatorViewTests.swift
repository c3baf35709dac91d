import Foundation
import StackSupport
import SyncService
import TestSupport
import Testing
import VideoModels

/// `gondola explain`, `doctor` and `top` as processes, on a deployment that works.
@Suite(.serialized, .timeLimit(.minutes(10))) struct OperatorViewTests {
    private func environment(_ stack: Stack) -> [String: String] {
        [
            "DATABASE_URL": stack.address, "VENICE_API_KEY": "VENICE_INFERENCE_KEY_e2e",
            "VENICE_BASE_URL": stack.simulator.baseURL + "/api/v1", "GONDOLA_TIME_SCALE": "\(Stack.timeScale)",
            "GONDOLA_STORAGE": stack.directory.appending(path: "objects").path,
            "GONDOLA_STATE_DIR": stack.directory.appending(path: "state").path, "GONDOLA_FFMPEG": "none",
            "TERM": "xterm", "NO_PROXY": "*",
        ]
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test func `explain says why a job waits that no worker has`() async throws {
        try await Stack.with { stack in
            let job = try await stack.database.store.submit(
                JobSubmission(request: Stack.textRequest()), id: JobID(at: Date()), user: stack.user,
                account: "default", key: nil
            ).job.id
            let told = try await CommandRun.gondola(["explain", "\(job)", "--json"], environment(stack))
            #expect(told.status == 0)
            let findings = try #require(try object(told.output)["findings"] as? [[String: Any]])
            #expect(findings.map { $0["code"] as? String } == ["no_worker", "overdue"])
            let text = try await CommandRun.gondola(["explain", "\(job)"], environment(stack))
            #expect(text.output.hasPrefix("job \(job) is accepted\n1. no worker takes jobs"))
            let unknown = try await CommandRun.gondola(["explain", "\(JobID(at: Date()))"], environment(stack))
            #expect(unknown.status == 65 && unknown.output.isEmpty)
        }
    }

    @Test func `the doctor finds a deployment that works well, and what is wrong with one that does not`() async throws
    {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            while try await stack.database.store.processes().isEmpty {}
            let well = try await CommandRun.gondola(["doctor", "--json", "--limit", "300"], environment(stack))
            let checks = try #require(try object(well.output)["checks"] as? [[String: Any]])
            // What hangs on the machine that the tests run on, and on what else it does.
            let machine = ["state_directory", "database", "processes"]
            let failed = checks.filter {
                $0["verdict"] as? String == "fail" && !machine.contains($0["name"] as? String ?? "")
            }
            #expect(failed.isEmpty, "\(well.output)")
            let names = Set(checks.compactMap { $0["name"] as? String })
            #expect(
                names == [
                    "database", "migrations", "row_security", "clock_database", "clock_upstream", "transactions",
                    "bloat",
                    "autovacuum", "wake_ups", "processes", "sealing_key", "state_directory", "storage", "accounts",
                    "ffmpeg",
                ])
            let isSafe = try await stack.database.sql(
                "select current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on' "
                    + "and current_setting('synchronous_commit') <> 'off'")
            // The tests' own server may be one that forgets, which is what the doctor should say of it.
            let database = checks.first { $0["name"] as? String == "database" }?["verdict"] as? String
            #expect((database == "fail") == (isSafe != "t"))
            for name in ["migrations", "row_security", "sealing_key", "accounts"] {
                #expect(checks.first { $0["name"] as? String == name }?["verdict"] as? String == "ok", "\(name)")
            }
            #expect(!FileManager.default.fileExists(atPath: stack.directory.appending(path: "objects/doctor").path))
            #expect(await gondola.terminate() == 0)
            let away = environment(stack).merging(["GONDOLA_STORAGE": "/nowhere/at/all"]) { $1 }
            let ill = try await CommandRun.gondola(["doctor", "--limit", "300"], away)
            #expect(ill.status == 2)
            #expect(ill.output.contains("there is no /nowhere/at/all") && ill.output.contains("→ mount it"))
            #expect(ill.output.contains("no worker takes jobs"))
            #expect(!FileManager.default.fileExists(atPath: "/nowhere"))
        }
    }

    @Test func `the doctor comes to an end where nothing answers`() async throws {
        let silent = try SilentServer()
        let nowhere = [
            "DATABASE_URL": "host=127.0.0.1 port=\(silent.port) dbname=x connect_timeout=600",
            "VENICE_BASE_URL": "http://127.0.0.1:\(silent.port)/api/v1", "VENICE_API_KEY": "k", "NO_PROXY": "*",
            "GONDOLA_STATE_DIR": "/nowhere/state", "GONDOLA_STORAGE": "/nowhere/objects", "GONDOLA_FFMPEG": "none",
        ]
        let told = try await CommandRun.gondola(["doctor", "--json", "--limit", "0.5"], nowhere)
        #expect(told.status == 2)
        let checks = try #require(try object(told.output)["checks"] as? [[String: Any]])
        let database = checks.first { $0["name"] as? String == "database" }
        #expect((database?["what"] as? String)?.contains("no answer within") == true, "\(told.output)")
    }

    @Test func `top prints one picture where there is no terminal, and JSON when asked`() async throws {
        try await Stack.with { stack in
            let gondola = try await stack.start()
            while try await stack.database.store.processes().isEmpty {}
            let once = try await CommandRun.gondola(["top"], environment(stack))
            #expect(once.status == 0 && !once.output.contains("\u{1B}"))
            #expect(once.output.contains("1 of 1 processes working") && once.output.contains("api+worker"))
            let json = try object(try await CommandRun.gondola(["top", "--json"], environment(stack)).output)
            #expect((json["processes"] as? [[String: Any]])?.first?["pid"] as? Int == Int(gondola.processIdentifier))
        }
    }

    @Test(arguments: [nil, SIGINT, SIGQUIT])
    func `top draws on a terminal, follows its size, and gives it back as it was`(signal: Int32?) async throws {
        try await Stack.with { stack in
            let terminal = try PseudoTerminal(rows: 24, columns: 80)
            defer { terminal.close() }
            let before = terminal.mode
            let process = Process()
            process.executableURL = GondolaProcess.productsDirectory.appending(path: "gondola")
            process.arguments = ["top", "--interval", "3600"]
            process.environment = ProcessInfo.processInfo.environment.merging(environment(stack)) { $1 }
            process.standardInput = terminal.device
            process.standardOutput = terminal.device
            let ended = Signal()
            process.terminationHandler = { _ in ended.fire() }
            try process.run()
            let first = await terminal.read(until: "\u{1B}[J")
            #expect(first.hasPrefix("\u{1B}[?1049h\u{1B}[?25l\u{1B}[H"))
            #expect(first.contains("gondola top") && first.contains("q quits"))
            #expect(terminal.mode.echoes == false)
            terminal.resize(rows: 4, columns: 30)
            // What is told before it listens is told to nobody: so until it has heard.
            let telling = Task { [pid = process.processIdentifier] in
                while !Task.isCancelled {
                    kill(pid, SIGWINCH)
                    try? await Task.sleep(for: .milliseconds(100))
                }
            }
            let second = await terminal.read(until: "\u{1B}[J")
            telling.cancel()
            let rows = second.replacing("\u{1B}[H", with: "").components(separatedBy: "\r\n")
            #expect(rows.count == 4, "\(rows)")
            if let signal { kill(process.processIdentifier, signal) } else { terminal.type("q") }
            await ended.wait()
            #expect(process.terminationStatus == 0 && process.terminationReason == .exit)
            #expect(await terminal.read(until: "\u{1B}[?1049l").contains("\u{1B}[?25h"))
            #expect(terminal.mode == before)
        }
    }
}
