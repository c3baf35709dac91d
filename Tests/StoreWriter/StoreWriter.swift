import CKillPoint
import Foundation
import ObjectStorage

/// Does to a local store what standard input says, a line each, and writes a line when that is done and durable:
/// `put KEY BYTE COUNT`, `copy KEY KEY`, `delete KEY`, `collect`. Dies at its call number N to the file system.
///
///     store-writer FOLDER N
@main
struct StoreWriter {
    static func main() async throws {
        let store = try LocalObjectStore(root: CommandLine.arguments[1])
        gondola_kill_at(Int(CommandLine.arguments[2]) ?? 0)
        while let line = readLine() {
            try await obey(line.split(separator: " ").map(String.init), store)
            _ = Foundation.write(1, "done\n", 5)
        }
    }

    private static func obey(_ words: [String], _ store: LocalObjectStore) async throws {
        switch words[0] {
        case "put":
            let bytes = [UInt8](repeating: UInt8(words[2])!, count: Int(words[3])!)
            let body = AsyncStream<[UInt8]> { feed in
                feed.yield(bytes)
                feed.finish()
            }
            _ = try await store.put(ObjectKey(words[1]), expecting: Int64(bytes.count), body: body)
        case "copy": _ = try await store.copy(ObjectKey(words[1]), to: ObjectKey(words[2]))
        case "delete": try await store.delete(ObjectKey(words[1]))
        case "collect": _ = try await store.collectRubbish(olderThan: Date(timeIntervalSinceNow: -3600))
        default: fatalError("what is \(words)?")
        }
    }
}
