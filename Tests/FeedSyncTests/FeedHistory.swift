import Foundation
import TestSupport
import Testing
import VideoModels

@testable import FeedSync

/// A server whose data changes, is pruned, and goes back to earlier moments.
protocol HistoryServer {
    mutating func change(using generator: inout SeededGenerator) async throws
    mutating func prune(using generator: inout SeededGenerator) async throws
    mutating func backUp() async throws
    /// Goes back to a backup, if there is one, and begins another epoch.
    mutating func restore(using generator: inout SeededGenerator) async throws
    func answer(to cursor: String?, limit: Int) async throws -> FeedModel.Answer
    /// All that lives, and the sequence at which it does.
    func truth() async throws -> (living: [Change], sequence: Int64)
}

/// A phone with its copy in a file on a disk that fails, and a network that delivers late, twice and out of turn.
struct HistoryDevice {
    private typealias Delivery = (answer: FeedModel.Answer, cursor: String?)

    private let disk: CrashingDisk
    private(set) var reducer: ChangeReducer<FileChangeStore>
    private var sent: [Delivery] = []

    init(seed: UInt64) throws {
        disk = CrashingDisk(seed: seed)
        reducer = ChangeReducer(try Self.open(disk))
    }

    private static func open(_ disk: CrashingDisk) throws -> FileChangeStore {
        try FileChangeStore(named: "feed", on: disk, slack: 3000)
    }

    /// Asks, and may get the answer only later.
    mutating func ask(_ server: some HistoryServer, limit: Int, arrives: Bool) async throws {
        let cursor = reducer.cursor
        sent.append((try await server.answer(to: cursor, limit: limit), cursor))
        if arrives { try deliver(sent.count - 1) }
    }

    /// Any answer that was ever sent arrives, perhaps again.
    mutating func receiveAny(using generator: inout SeededGenerator) throws {
        if let index = sent.indices.suffix(12).randomElement(using: &generator) { try deliver(index) }
    }

    /// The machine dies at one of the steps of taking in a page, and starts again.
    mutating func die(afterSteps steps: Int, _ server: some HistoryServer) async throws {
        disk.stepsUntilFailure = steps
        try? await ask(server, limit: 4, arrives: true)
        try reboot()
    }

    mutating func reboot() throws {
        disk.reboot()
        reducer = ChangeReducer(try Self.open(disk))
        if case .damaged(let what) = reducer.store.opening { Issue.record("the file is damaged: \(what)") }
    }

    private mutating func deliver(_ index: Int) throws {
        let (answer, cursor) = sent[index]
        switch answer {
        case .expired: if cursor == reducer.cursor { try reducer.resynchronise() }
        case .page(let page):
            if try reducer.apply(page, askedWith: cursor) == .misplaced { try reducer.resynchronise() }
        }
    }

    /// Follows to the end. False where that does not come.
    mutating func settle(_ server: some HistoryServer) async throws -> Bool {
        for _ in 0..<500 {
            let through = try await server.truth().sequence
            if !reducer.isCatchingUp, reducer.store.state.through == through {
                // It may be where another history stood as well: the next answer tells.
                let cursor = reducer.cursor
                if case .page(let page) = try await server.answer(to: cursor, limit: 9), page.changes.isEmpty {
                    return true
                }
            }
            try await ask(server, limit: 9, arrives: true)
        }
        return false
    }
}

/// Several devices through a random history of their server; at the end each equals it.
struct FeedHistory<Server: HistoryServer> {
    var server: Server
    var seed: UInt64
    var steps = 160
    var devices = 3

    func run() async throws {
        var (server, generator) = (server, SeededGenerator(seed))
        var devices = try (0..<devices).map { try HistoryDevice(seed: seed &* 31 &+ UInt64($0)) }
        for _ in 0..<steps {
            let who = Int.random(in: devices.indices, using: &generator)
            let limit = Int.random(in: 1...5, using: &generator)
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<34: try await server.change(using: &generator)
            case 34..<38: try await server.prune(using: &generator)
            case 38..<41: try await server.backUp()
            case 41..<44: try await server.restore(using: &generator)
            case 44..<70: try await devices[who].ask(server, limit: limit, arrives: true)
            case 70..<78: try await devices[who].ask(server, limit: limit, arrives: false)
            case 78..<92: try devices[who].receiveAny(using: &generator)
            case 92..<97: try await devices[who].die(afterSteps: Int.random(in: 0..<8, using: &generator), server)
            default: try devices[who].reboot()
            }
        }
        for index in devices.indices {
            let isSettled = try await devices[index].settle(server)
            #expect(isSettled, "seed \(seed): device \(index) does not come to an end")
            try await compare(devices[index].reducer.store, with: server, index)
            try devices[index].reboot()
            try await compare(devices[index].reducer.store, with: server, index)
        }
    }

    private func compare(_ copy: FileChangeStore, with server: Server, _ index: Int) async throws {
        let truth = try await server.truth()
        let held = Set(copy.contents.byRound().flatMap(\.changes).map(\.comparable))
        let living = Set(truth.living.map(\.comparable))
        #expect(
            held == living,
            """
            seed \(seed), device \(index): \(held.subtracting(living).map(\.key)) should not be there, \
            \(living.subtracting(held).map(\.key)) are missing
            """)
        var check = DigestCheck(copy.versions(), through: copy.state.through ?? -1)
        let entries = truth.living.map { DigestPage.Entry($0) }
        try check.take(FeedModel.digest(of: entries, "", at: truth.sequence))
        #expect(check.next == nil && check.differences.isEmpty, "seed \(seed), device \(index)")
    }
}

extension Change {
    /// What was spent is told as of the reading: at midnight it changes without a new version.
    fileprivate var comparable: Change {
        guard case .spending(let spending) = object else { return self }
        return Change(sequence: sequence, object: .unknown(kind: "spending", id: spending.id.description))
    }
}
