import Foundation
import FuzzExercise
import Testing

/// What `make fuzz` starts from, and everything that it ever found, in the ordinary tests.
struct CorpusTests {
    static let files: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted()
    }()

    private static let folder = URL(fileURLWithPath: #filePath)
        .appendingPathComponent("../../../Fuzz/Corpus").standardizedFileURL.path

    @Test func `there is a corpus`() { #expect(Self.files.count > 20) }

    @Test(arguments: files)
    func `a file of the corpus is survived, whole and cut`(name: String) async throws {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: Self.folder + "/" + name)))
        await exercise(bytes)
        for end in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 40)) {
            await exercise(Array(bytes[..<end]))
        }
    }
}
