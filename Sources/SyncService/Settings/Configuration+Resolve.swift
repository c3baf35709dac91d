public import Foundation
import VideoModels

/// Every wrong setting at once.
public struct InvalidSettings: Error, Hashable, Sendable, CustomStringConvertible {
    public var findings: [Finding]

    public struct Finding: Hashable, Sendable, CustomStringConvertible {
        /// Where it was given: `--listen` or `GONDOLA_LISTEN`.
        public var source: String
        /// Nil for a secret.
        public var given: String?
        public var expected: String

        public var description: String {
            "\(source)\(given.map { " is \"\($0.prefix(100))\"" } ?? " is not usable"): expected \(expected)"
        }
    }

    public var description: String { findings.map(\.description).joined(separator: "\n") }
}

extension Configuration {
    /// The environment variable and flag that name a file which holds the Venice key.
    public static let keyFileName = "VENICE_API_KEY_FILE"
    public static let keyFileFlag = "venice-api-key-file"
    /// What the commands for the phone's API read, no settings of a process.
    static let clientNames = ["GONDOLA_TOKEN", "GONDOLA_SERVER"]

    /// Reads every setting: a flag wins over the environment, and an empty variable counts as absent.
    ///
    /// `flags` are keyed without dashes. Throws all that is wrong at once, each with what was expected.
    public static func resolve(
        flags: [String: String] = [:], environment: [String: String],
        readFile: (String) throws -> String = { try String(contentsOfFile: $0, encoding: .utf8) }
    ) throws(InvalidSettings) -> Configuration {
        var configuration = Configuration()
        var findings: [InvalidSettings.Finding] = []
        for setting in Setting.all {
            guard let (source, text) = setting.given(flags, environment) else { continue }
            if !setting.apply(text, &configuration) {
                findings.append(
                    .init(source: source, given: setting.isSecret ? nil : text, expected: setting.expected))
            }
        }
        findings += configuration.readKeyFile(flags, environment, readFile)
        findings += configuration.contradictions
        guard findings.isEmpty else { throw InvalidSettings(findings: findings) }
        return configuration
    }

    private mutating func readKeyFile(
        _ flags: [String: String], _ environment: [String: String], _ readFile: (String) throws -> String
    ) -> [InvalidSettings.Finding] {
        let fromFlag = flags[Self.keyFileFlag].map { (source: "--\(Self.keyFileFlag)", path: $0) }
        let inEnvironment = environment[Self.keyFileName].map { (source: Self.keyFileName, path: $0) }
        guard let (source, path) = fromFlag ?? inEnvironment, !path.isEmpty else { return [] }
        if fromFlag == nil, veniceKey != nil {
            return [.init(source: source, given: path, expected: "either this or VENICE_API_KEY, not both")]
        }
        guard let text = try? readFile(path), let key = ValueFormat.key.parse(text) else {
            return [.init(source: source, given: path, expected: "a readable file that holds the key and nothing else")]
        }
        veniceKey = Redacted(key)
        return []
    }

    /// Values that are good alone and not together.
    private var contradictions: [InvalidSettings.Finding] {
        var findings: [InvalidSettings.Finding] = []
        func check(_ holds: Bool, _ name: String, _ given: TimeInterval, _ expected: String) {
            if !holds { findings.append(.init(source: name, given: DurationText.show(given), expected: expected)) }
        }
        check(
            leaseRenewal * 2 <= lease, "GONDOLA_LEASE_RENEWAL", leaseRenewal,
            "at most half of GONDOLA_LEASE (\(DurationText.show(lease)))")
        check(
            policy.backoff.first <= policy.backoff.longest, "GONDOLA_BACKOFF_LONGEST", policy.backoff.longest,
            "at least GONDOLA_BACKOFF_FIRST (\(DurationText.show(policy.backoff.first)))")
        if listen == opsListen, listen.port != 0 {
            findings.append(
                .init(
                    source: "GONDOLA_OPS_LISTEN", given: opsListen.description,
                    expected: "another address than GONDOLA_LISTEN"))
        }
        return findings
    }

    /// Variables named `GONDOLA_…` that are no settings, each with the name that was probably meant.
    public static func unknownVariables(in environment: [String: String]) -> [(name: String, nearest: String)] {
        let known = Setting.all.map(\.name) + [keyFileName]
        let strangers = environment.keys.filter { name in
            name.hasPrefix("GONDOLA_") && !known.contains(name) && !clientNames.contains(name)
        }
        return strangers.sorted().map { name in
            let nearest = known.min { editDistance($0, name) < editDistance($1, name) }
            return (name, nearest ?? name)
        }
    }
}

extension Setting {
    fileprivate func given(_ flags: [String: String], _ environment: [String: String]) -> (String, String)? {
        if let flag, let text = flags[flag] { return ("--\(flag)", text) }
        if let text = environment[name], !text.isEmpty { return (name, text) }
        return nil
    }
}

extension ValueFormat where Value == String {
    /// One line of visible ASCII: anything else cannot stand in a header.
    static let key = ValueFormat(
        placeholder: "KEY", expected: "a key of visible ASCII characters without spaces",
        parse: { text in
            let key = text.trimmingCharacters(in: .whitespacesAndNewlines)
            return !key.isEmpty && key.utf8.count <= 4096 && key.utf8.allSatisfy { (33...126).contains($0) } ? key : nil
        }, show: { $0 })
}

/// How many letters have to be added, removed or replaced to get from one word to the other.
func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right.utf8.prefix(200))
    var row = Array(0...right.count)
    for (index, letter) in left.utf8.prefix(200).enumerated() {
        var next = [index + 1]
        for (column, other) in right.enumerated() {
            next.append(min(row[column] + (letter == other ? 0 : 1), row[column + 1] + 1, next[column] + 1))
        }
        row = next
    }
    return row[right.count]
}
