import Synchronization

/// What an instrument is told apart by: a label with every value that it may have. Anything else counts as `other`, so that
/// no text from outside can make a series.
struct MetricLabel: Sendable {
    static let other = "other"

    var name: String
    var values: [String]

    init(_ name: String, _ values: [String]) { (self.name, self.values) = (name, values) }
}

/// Every combination of labels, each with a cell of its own.
private struct LabelGrid: Sendable {
    let labels: [MetricLabel]
    private let places: [[String: Int]]

    init(_ labels: [MetricLabel]) {
        self.labels = labels
        places = labels.map { label in
            Dictionary(uniqueKeysWithValues: (label.values + [MetricLabel.other]).enumerated().map { ($1, $0) })
        }
    }

    var count: Int { places.reduce(1) { $0 * $1.count } }

    func cell(_ values: [String]) -> Int {
        zip(places, values).reduce(0) { cell, pair in
            cell * pair.0.count + (pair.0[pair.1] ?? pair.0.count - 1)
        }
    }

    /// The labels of a cell.
    func labels(of cell: Int) -> [MetricFamily.Label] {
        var rest = cell
        return labels.reversed().map { label in
            let place = rest % (label.values.count + 1)
            rest /= label.values.count + 1
            let value = place < label.values.count ? label.values[place] : MetricLabel.other
            return MetricFamily.Label(name: label.name, value: value)
        }.reversed()
    }

    /// Whether nothing but what nobody has named falls into it.
    func isOther(_ cell: Int) -> Bool { labels(of: cell).contains { $0.value == MetricLabel.other } }
}

/// Only ever grows.
final class MetricCounter: Sendable {
    private let name: String
    private let help: String
    private let grid: LabelGrid
    private let cells: Mutex<[Double]>

    init(_ name: String, _ help: String, by labels: MetricLabel...) {
        (self.name, self.help) = (name, help)
        grid = LabelGrid(labels)
        cells = Mutex(Array(repeating: 0, count: grid.count))
    }

    func add(_ amount: Double = 1, _ values: String...) {
        let cell = grid.cell(values)
        cells.withLock { $0[cell] += amount }
    }

    /// What it stands at.
    func value(_ values: String...) -> Double {
        let cell = grid.cell(values)
        return cells.withLock { $0[cell] }
    }

    /// From the start with every value that was named, so that a rate sees the first of each; `other` once there is one.
    var family: MetricFamily {
        let samples = cells.withLock { $0 }.enumerated()
            .filter { grid.labels.isEmpty || !grid.isOther($0.offset) || $0.element > 0 }
            .map { MetricFamily.Sample(labels: grid.labels(of: $0.offset), value: $0.element) }
        return MetricFamily(name: name, help: help, kind: .counter, samples: samples)
    }
}

/// How values are spread.
final class MetricHistogram: Sendable {
    private struct Cell {
        /// Of each bucket alone; the last is for what is above all bounds.
        var counts: [Int]
        var sum = 0.0
    }

    private let name: String
    private let help: String
    private let bounds: [Double]
    private let grid: LabelGrid
    private let cells: Mutex<[Cell]>

    init(_ name: String, _ help: String, bounds: [Double], by labels: MetricLabel...) {
        (self.name, self.help, self.bounds) = (name, help, bounds)
        grid = LabelGrid(labels)
        cells = Mutex(
            Array(repeating: Cell(counts: Array(repeating: 0, count: bounds.count + 1)), count: grid.count))
    }

    func observe(_ value: Double, _ values: String...) {
        guard value.isFinite else { return }
        let cell = grid.cell(values)
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        cells.withLock {
            $0[cell].counts[bucket] += 1
            $0[cell].sum += value
        }
    }

    var family: MetricFamily {
        let samples = cells.withLock { $0 }.enumerated()
            .filter { grid.labels.isEmpty || !grid.isOther($0.offset) || $0.element.counts.contains { $0 > 0 } }
            .flatMap { index, cell in
                Self.samples(bounds, cell.counts, sum: cell.sum, labels: grid.labels(of: index))
            }
        return MetricFamily(name: name, help: help, kind: .histogram, samples: samples)
    }

    /// How many there were, and their sum.
    var total: (count: Int, sum: Double) {
        cells.withLock { cells in
            (cells.reduce(0) { $0 + $1.counts.reduce(0, +) }, cells.reduce(0) { $0 + $1.sum })
        }
    }

    /// `counts` are of each bucket alone, with one more than there are bounds.
    static func samples(
        _ bounds: [Double], _ counts: [Int], sum: Double, labels: [MetricFamily.Label]
    ) -> [MetricFamily.Sample] {
        var total = 0
        let buckets = zip(bounds + [.infinity], counts).map { bound, count in
            total += count
            let label = MetricFamily.Label(name: "le", value: MetricText.number(bound))
            return MetricFamily.Sample(suffix: "_bucket", labels: labels + [label], value: Double(total))
        }
        return buckets + [
            MetricFamily.Sample(suffix: "_sum", labels: labels, value: sum),
            MetricFamily.Sample(suffix: "_count", labels: labels, value: Double(total)),
        ]
    }
}
