import Foundation
import TestSupport

@testable import FeedSync

/// A disk whose machine loses power: what was not synced may be there, or not, or in part, and so may a new name.
///
/// It is armed to fail at one of its steps, before it, in the middle of it, or just after it. A machine that goes on after
/// that had some other trouble, such as a full disk.
final class CrashingDisk: Disk {
    private final class File {
        var now = Data()
        var durable = Data()
    }

    private var files: [String: File] = [:]
    private var durableFiles: [String: File] = [:]
    private var generator: SeededGenerator
    /// How many steps go well before one fails; nil for all.
    var stepsUntilFailure: Int?
    private(set) var steps = 0

    init(seed: UInt64) { generator = SeededGenerator(seed) }

    /// The bytes as a process sees them.
    subscript(name: String) -> Data? {
        get { files[name]?.now }
        set {
            files[name]?.now = newValue ?? Data()
            files[name]?.durable = newValue ?? Data()
        }
    }

    func read(_ name: String) -> Data? { files[name]?.now }

    func write(_ data: Data, to name: String) throws(ChangeFileError) {
        let file = File()
        file.durable = Data()
        files[name] = file
        try step(whole: { file.now = data }, part: { file.now = data.prefix($0(data.count)) })
    }

    func append(_ data: Data, to name: String, at offset: Int) throws(ChangeFileError) {
        guard let file = files[name] else { throw ChangeFileError(path: name, reason: "no such file") }
        let start = Data(file.now.prefix(offset))
        try step(whole: { file.now = start + data }, part: { file.now = start + data.prefix($0(data.count)) })
    }

    func sync(_ name: String) throws(ChangeFileError) {
        guard let file = files[name] else { throw ChangeFileError(path: name, reason: "no such file") }
        try step(whole: { file.durable = file.now })
    }

    func rename(_ name: String, to other: String) throws(ChangeFileError) {
        try step(whole: {
            files[other] = files[name]
            files[name] = nil
        })
    }

    func syncDirectory() throws(ChangeFileError) { try step(whole: { durableFiles = files }) }

    private func step(
        whole: () -> Void, part: ((_ upTo: (Int) -> Int) -> Void)? = nil
    ) throws(ChangeFileError) {
        steps += 1
        guard let left = stepsUntilFailure else { return whole() }
        if left > 0 {
            stepsUntilFailure = left - 1
            return whole()
        }
        stepsUntilFailure = nil
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: break
        case 1: whole()
        default: part?({ Int.random(in: 0...$0, using: &self.generator) })
        }
        throw ChangeFileError(path: "disk", reason: "trouble")
    }

    /// The power is back.
    func reboot() {
        stepsUntilFailure = nil
        if Bool.random(using: &generator) { files = durableFiles }
        for name in files.keys.sorted() {
            guard let file = files[name] else { continue }
            file.now = survivor(of: file)
            file.durable = file.now
        }
        durableFiles = files
    }

    /// Of what was appended and not synced, any part may be there, and blocks that were never written read as zeros.
    private func survivor(of file: File) -> Data {
        guard file.now.starts(with: file.durable) else {
            return Bool.random(using: &generator) ? file.now : file.durable
        }
        let fresh = file.now.count - file.durable.count
        var data = Data(file.now.prefix(file.durable.count + Int.random(in: 0...fresh, using: &generator)))
        if fresh > 0, Bool.random(using: &generator) {
            let start = Int.random(in: file.durable.count...data.count, using: &generator)
            data = Data(data.prefix(start)) + Data(count: data.count - start)
        }
        return data
    }
}
