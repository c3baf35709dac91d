/// One family of metrics as Prometheus reads it.
struct MetricFamily: Hashable, Sendable {
    enum Kind: String, Sendable { case counter, gauge, histogram }

    struct Label: Hashable, Sendable {
        var name: String
        var value: String
    }

    struct Sample: Hashable, Sendable {
        /// Behind the family's name: `_bucket`, `_sum`, `_count` of a histogram.
        var suffix = ""
        var labels: [Label] = []
        var value: Double
    }

    var name: String
    var help: String
    var kind: Kind
    var samples: [Sample]

    static func gauge(_ name: String, _ help: String, _ value: Double?) -> Self {
        Self(name: name, help: help, kind: .gauge, samples: value.map { [Sample(value: $0)] } ?? [])
    }

    static func gauge(
        _ name: String, _ help: String, by labels: [String], _ values: [([String], Double)]
    ) -> Self {
        let samples = values.map { values, value in
            Sample(labels: zip(labels, values).map(Label.init), value: value)
        }
        return Self(name: name, help: help, kind: .gauge, samples: samples)
    }

    static func counter(_ name: String, _ help: String, _ value: Double) -> Self {
        Self(name: name, help: help, kind: .counter, samples: [Sample(value: value)])
    }
}

/// The text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
enum MetricText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    static func text(of families: [MetricFamily]) -> String {
        families.map { family in
            let help = escaped(family.help, quotes: false)
            return "# HELP \(family.name) \(help)\n# TYPE \(family.name) \(family.kind.rawValue)\n"
                + family.samples.map { line($0, of: family.name) }.joined()
        }.joined()
    }

    private static func line(_ sample: MetricFamily.Sample, of name: String) -> String {
        let labels = sample.labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
        return name + sample.suffix + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}")
            + " \(number(sample.value))\n"
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return Int64(exactly: value).map(String.init) ?? "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        let text = text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
        return quotes ? text.replacing("\"", with: "\\\"") : text
    }
}
