import ArgumentParser
import Foundation

/// The job engine on Postgres, against pgbench, two job systems of others and a bare NOTIFY, all on one cluster.
struct EngineBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine", abstract: "The job engine on Postgres, against pgbench and other job systems.",
        discussion: """
            `scripts/bench-postgres` sets up what this needs: a cluster that nothing else uses, in DATABASE_URL, with \
            durability on; pgbench and psql; and the contestants named by the options. Every figure is the median of \
            the rounds, and the contestants of a section take turns within each round.
            """)

    enum Section: String, ExpressibleByArgument, CaseIterable {
        case claims, steps, way, submit, latency, finished, snapshot, rescue, notify, wall
    }

    @Argument(
        help: "claims, steps, way, submit, latency, finished, snapshot, rescue, notify, wall; all when none is named.")
    var sections = Section.allCases
    @Option(help: "Rounds; the median counts.") var rounds = 3
    @Option(help: "Size of the work, 1 being the full form.") var scale = 1.0
    @Option(help: "Only the contestants whose name has this, for a profile.") var only: String?
    @Option(help: "The Python that has PgQueuer and Procrastinate; without it they do not take part.")
    var python: String?
    @Option(help: "The program that times a bare NOTIFY; without it there is no peer for the latency.")
    var roundTrip: String?
    @Option(help: "Where the scripts of the other contestants are.") var peers = "Benchmarks/Peers"

    func run() async throws {
        let cluster = try Cluster()
        try await cluster.describe()
        let contest = Contest(
            cluster: cluster, rounds: rounds, scale: scale, only: only, python: python, roundTrip: roundTrip,
            peers: peers)
        for section in sections {
            tell("\n\(section.rawValue)")
            try await contest.run(section)
        }
        try await cluster.clear()
    }
}

/// What every section needs to hold its rounds.
struct Contest: Sendable {
    var cluster: Cluster
    var rounds: Int
    var scale: Double
    var only: String?
    var python: String?
    var roundTrip: String?
    var peers: String

    func run(_ section: EngineBench.Section) async throws {
        switch section {
        case .claims: try await claims()
        case .steps: try await steps()
        case .way: try await way()
        case .submit: try await submissions()
        case .latency: try await latency()
        case .finished: try await finished()
        case .snapshot: try await snapshot()
        case .rescue: try await rescue()
        case .notify: try await notifications()
        case .wall: try await wall()
        }
    }

    /// A whole number of things at this scale.
    func sized(_ count: Int) -> Int { max(1, Int(Double(count) * scale)) }

    struct Contestant: Sendable {
        var name: String
        var measure: @Sendable () async throws -> Double

        init(_ name: String, _ measure: @escaping @Sendable () async throws -> Double) {
            self.name = name
            self.measure = measure
        }
    }

    /// The median of each contestant, who take turns: what the machine does meanwhile hits all of them.
    func medians(_ unit: String, _ contestants: [Contestant]) async throws -> [String: Double] {
        let contestants = contestants.filter { only.map($0.name.contains) ?? true }
        var figures: [String: [Double]] = [:]
        for _ in 0..<rounds {
            for contestant in contestants {
                figures[contestant.name, default: []].append(try await contestant.measure())
            }
        }
        for contestant in contestants { Self.show(contestant.name, figures[contestant.name] ?? [], unit) }
        return figures.mapValues(\.median)
    }

    static func show(_ name: String, _ figures: [Double], _ unit: String) {
        let all = figures.map(\.short).joined(separator: ", ")
        tell("  \(name.padding(toLength: 52, withPad: " ", startingAt: 0)) \(figures.median.short) \(unit)  (\(all))")
    }

    enum Goal {
        case atLeast(Double)
        case atMost(Double)
    }

    /// Prints the ratio of two figures, and whether it reaches its goal. Never ends the run: the reader judges.
    func ratio(_ figures: [String: Double], _ name: String, to peer: String, _ goal: Goal? = nil) {
        guard let figure = figures[name], let limit = figures[peer] else { return }
        let ratio = figure / limit
        let verdict =
            switch goal {
            case .atLeast(let goal): "; goal at least \(goal): \(ratio >= goal ? "reached" : "NOT reached")"
            case .atMost(let goal): "; goal at most \(goal): \(ratio <= goal ? "reached" : "NOT reached")"
            case nil: ""
            }
        tell("  → \(name) / \(peer) = \(ratio.short)\(verdict)")
    }
}

/// Prints a line at once, also into a file: a run that is cut short keeps what it has found.
func tell(_ line: String) {
    print(line)
    fflush(nil)
}

extension [Double] {
    var median: Double { percentile(0.5) }

    /// The value that this share of the others does not exceed; the mean of the middle two is not taken.
    func percentile(_ share: Double) -> Double {
        isEmpty ? .nan : sorted()[Swift.min(count - 1, Int(Double(count) * share))]
    }
}

extension Double {
    var short: String { formatted(.number.precision(.significantDigits(3)).grouping(.automatic)) }
}
