import ArgumentParser
import Foundation
import HTTPTransport
import ObjectStorage
import SyncService

/// Files on their way to the disk and from it. `scripts/bench-files` makes what it needs.
struct FilesBench: AsyncParsableCommand {
    enum Section: String, ExpressibleByArgument, CaseIterable {
        /// Small videos, one after the other, to a durable object.
        case download
        /// Many at once: what that takes of memory.
        case crowd
        /// `gondola storage verify` over what is there.
        case verify
    }

    static let configuration = CommandConfiguration(
        commandName: "files", abstract: "Downloads to durable objects, and the walk that hashes them again.",
        discussion: "Run it by `scripts/bench-files`, which builds the peer and starts a Postgres.")

    @Argument(help: "download, crowd, verify; all, unless given.") var sections: [Section] = Section.allCases
    @Option(help: "The C program of Benchmarks/Peers/download_peer.c.") var peer: String?
    @Option(help: "Where files are written; on the disk that is meant.") var folder =
        FileManager.default
        .currentDirectoryPath + "/.build/bench-files"
    @Option(help: "Rounds, in which the contestants take turns; the median counts.") var rounds = 5

    func run() async throws {
        let place = "\(folder)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        var isGood = true
        for section in sections {
            do {
                switch section {
                case .download: try await FileDownloads(folder: place, peer: peer, rounds: rounds).run()
                case .crowd: try await FileCrowd(folder: place).run()
                case .verify: try await FileWalk(folder: place, rounds: rounds).run()
                }
            } catch is ExitCode { isGood = false }
        }
        if !isGood { throw ExitCode.failure }
    }

    static func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }
}

/// Serves one body to whoever asks, out of one small block.
struct FileServer {
    let server: LoopbackServer

    init(bytes: Int) throws {
        server = try LoopbackServer { connection in
            connection.drainRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: \(bytes)\r\n\r\n")
            var left = bytes
            while left > 0 {
                let piece = left >= Self.block.count ? Self.block : Array(Self.block.prefix(left))
                guard connection.send(piece) else { return }
                left -= piece.count
            }
        }
    }

    private static let block = (0..<64 << 10).map { _ in UInt8.random(in: .min ... .max) }

    /// As the worker does it: streamed to a staged file, hashed on the way, synced, and given its name.
    func download(_ http: CurlHTTPClient, to store: LocalObjectStore, as key: ObjectKey) async throws {
        _ = try await store.commit(try await stage(http, in: store), to: key)
    }

    func stage(_ http: CurlHTTPClient, in store: LocalObjectStore) async throws -> StagedObject {
        let response = try await http.send(HTTPRequest("GET", server.url))
        let length = response.headers["Content-Length"].flatMap { Int64($0) }
        return try await store.stage(expecting: length, atMost: 1 << 40, body: response.body)
    }
}
