import ArgumentParser
import Foundation
import HTTPTransport
import ObjectStorage

/// Download → hash → fsync → rename of a 20 MB file, again and again, against one thread in C and against three programs.
struct FileDownloads {
    let folder: String
    let peer: String?
    let rounds: Int

    private static let bytes = 20_000_000
    private static let count = 20

    func run() async throws {
        let server = try FileServer(bytes: Self.bytes)
        var (ours, peers, chains): ([Double], [Double], [Double]) = ([], [], [])
        for round in 0..<rounds {
            ours.append(try await store(round, server))
            if let peer { peers.append(try await own("c-\(round)") { try await program(peer, server, in: $0) }) }
            chains.append(try await own("chain-\(round)") { try await chain(server, in: $0) })
        }
        let time = FilesBench.median(ours)
        let megabytes = Double(Self.bytes * Self.count) / 1e6
        var isGood = true
        func show(_ name: String, _ other: Double, limit: Double) throws {
            do {
                try compare(
                    "download of 20 MB to a durable object", time, with: name, other, count: megabytes, unit: "MB",
                    limit: limit)
            } catch is ExitCode { isGood = false }
        }
        if peer != nil { try show("one thread in C", FilesBench.median(peers), limit: 1) }
        try show("curl, sha256sum, sync", FilesBench.median(chains), limit: 0.4)
        if !isGood { throw ExitCode.failure }
    }

    /// In a folder of its own, which is gone before the next begins.
    private func own(_ name: String, _ work: (String) async throws -> Double) async throws -> Double {
        let place = "\(folder)/\(name)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        return try await work(place)
    }

    private func store(_ round: Int, _ server: FileServer) async throws -> Double {
        try await own("ours-\(round)") { place in
            let (objects, http) = (try LocalObjectStore(root: place), CurlHTTPClient(.direct))
            defer { http.stop() }
            return try await seconds(rounds: 1) {
                for number in 0..<Self.count {
                    try await server.download(http, to: objects, as: try ObjectKey("u/videos/\(number).mp4"))
                }
            }
        }
    }

    private func program(_ peer: String, _ server: FileServer, in place: String) async throws -> Double {
        let told = try await Program.run([peer, "\(server.server.port)", "\(Self.count)", place])
        guard let time = Double(told.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw ValidationError("\(peer) says \(told)")
        }
        return time
    }

    private func chain(_ server: FileServer, in place: String) async throws -> Double {
        let line =
            "cd \"$1\" && curl -s -o part \"$2\" && sha256sum part >/dev/null && sync part && mv part whole-$3 && sync ."
        return try await seconds(rounds: 1) {
            for number in 0..<Self.count {
                try await Program.run(["sh", "-c", line, "chain", place, server.server.url, "\(number)"])
            }
        }
    }
}

/// A hundred downloads of 60 MB at once: memory must not follow their number or their size.
struct FileCrowd {
    let folder: String

    private static let (count, bytes, limitMebibytes) = (100, 60_000_000, 200)

    func run() async throws {
        let (server, http) = (try FileServer(bytes: Self.bytes), CurlHTTPClient(.direct))
        defer { http.stop() }
        let store = try LocalObjectStore(root: "\(folder)/crowd")
        defer { try? FileManager.default.removeItem(atPath: "\(folder)/crowd") }
        try ResidentMemory.forgetPeak()
        let time = try await seconds(rounds: 1) { try await all(server, http, store) }
        let peak = try ResidentMemory.read("VmHWM") >> 10
        print(
            "\(Self.count) downloads of 60 MB at once: peak \(peak) MiB (limit \(Self.limitMebibytes)), "
                + "\(Int(Double(Self.count * Self.bytes) / time / 1e6)) MB/s")
        if peak > Self.limitMebibytes { throw ExitCode.failure }
    }

    private func all(_ server: FileServer, _ http: CurlHTTPClient, _ store: LocalObjectStore) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<Self.count {
                group.addTask {
                    try await server.download(http, to: store, as: try ObjectKey("u\(number)/videos/1.mp4"))
                }
            }
            try await group.waitForAll()
        }
    }
}
