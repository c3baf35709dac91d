public import Foundation
import VeniceTransport
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
            // Quoted and escaped: what was given may hold a line's end or a terminal's commands.
            "\(source)\(given.map { " is \($0.prefix(100).debugDescription)" } ?? " is not usable"): expected \(expected)"
        }
    }

    public var description: String { findings.map(\.description).joined(separator: "\n") }
}

extension Configuration {
    /// Variables that name a file which holds a secret; their flags have the same name. No settings of their own: each
    /// gives the value of one.
    public static let secretFileNames = ["VENICE_API_KEY_FILE", "VENICE_WALLET_KEY_FILE"]
    /// Their flags, with what help says beside each.
    public static let secretFileFlags = [
        "venice-api-key-file": "File with the Venice key and nothing else (VENICE_API_KEY_FILE)",
        "venice-wallet-key-file": "File with the wallet's private key and nothing else (VENICE_WALLET_KEY_FILE)",
    ]
    /// What the commands for the phone's API read, no settings of a process.
    static let clientNames = ["GONDOLA_TOKEN", "GONDOLA_SERVER"]

    /// Reads every setting: a flag wins over the environment, and an empty variable counts as absent.
    ///
    /// `flags` are keyed without dashes. Throws all that is wrong at once, each with what was expected.
    public static func resolve(
        flags: [String: String] = [:], environment: [String: String],
        readPlain: (String) throws -> String = { try String(contentsOfFile: $0, encoding: .utf8) },
        readSecret: ((String) throws -> String)? = nil
    ) throws(InvalidSettings) -> Configuration {
        let readSecret = readSecret ?? SecretFile.read
        var configuration = Configuration()
        var findings: [InvalidSettings.Finding] = []
        for setting in Setting.all {
            guard let (source, text) = setting.given(flags, environment) else { continue }
            if !setting.apply(text, &configuration) {
                findings.append(
                    .init(source: source, given: setting.isSecret ? nil : text, expected: setting.expected))
            }
        }
        findings += configuration.readSecret(
            "VENICE_API_KEY", \.veniceKey, ValueFormat.key.redacted(), flags, environment, readSecret)
        findings += configuration.readSecret(
            "VENICE_WALLET_KEY", \.veniceWalletKey, .walletKey, flags, environment, readSecret)
        findings += configuration.readAccounts(environment, readPlain, readSecret)
        findings += configuration.contradictions
        guard findings.isEmpty else { throw InvalidSettings(findings: findings) }
        return configuration
    }

    /// Takes a secret from the file that `NAME_FILE` or its flag names.
    private mutating func readSecret(
        _ name: String, _ place: WritableKeyPath<Configuration, Redacted<String>?>,
        _ format: ValueFormat<Redacted<String>>, _ flags: [String: String], _ environment: [String: String],
        _ readFile: (String) throws -> String
    ) -> [InvalidSettings.Finding] {
        let flag = Setting.flag(of: name + "_FILE")
        let fromFlag = flags[flag].map { (source: "--\(flag)", path: $0) }
        let inEnvironment = environment[name + "_FILE"].map { (source: name + "_FILE", path: $0) }
        guard let (source, path) = fromFlag ?? inEnvironment, !path.isEmpty else { return [] }
        if fromFlag == nil, self[keyPath: place] != nil {
            return [.init(source: source, given: path, expected: "either this or \(name), not both")]
        }
        do {
            guard let secret = format.parse(try readFile(path)) else {
                return [.init(source: source, given: path, expected: "a file that holds \(format.expected)")]
            }
            self[keyPath: place] = secret
            return []
        } catch {
            return [.init(source: source, given: path, expected: SecretFile.expectation(after: error))]
        }
    }

    /// Several accounts come from their file, or one from its own settings: never both, and never a key and a wallet.
    private mutating func readAccounts(
        _ environment: [String: String], _ readPlain: (String) throws -> String,
        _ readSecret: @escaping (String) throws -> String
    ) -> [InvalidSettings.Finding] {
        if veniceKey != nil, veniceWalletKey != nil {
            let expected = "either this or VENICE_API_KEY, not both; for two accounts use GONDOLA_VENICE_ACCOUNTS_FILE"
            return [.init(source: "VENICE_WALLET_KEY", given: nil, expected: expected)]
        }
        guard let path = veniceAccountsFile else { return [] }
        guard veniceKey == nil, veniceWalletKey == nil, veniceAccount == Configuration().veniceAccount else {
            let expected = "either this or VENICE_ACCOUNT with its key or wallet, not both"
            return [.init(source: "GONDOLA_VENICE_ACCOUNTS_FILE", given: path, expected: expected)]
        }
        let name = "GONDOLA_VENICE_ACCOUNTS_FILE"
        guard let text = try? readPlain(path) else {
            return [.init(source: name, given: path, expected: "a readable file with a JSON list of accounts")]
        }
        let file = AccountsFile(readSecret: readSecret, environment: environment, defaultBaseURL: veniceBaseURL)
        switch file.accounts(text, at: path) {
        case .success(let accounts):
            accountList = accounts
            return []
        case .failure(let error): return error.findings
        }
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
        if storage.hasPrefix("s3://") { findings += s3.findings(storage, named: "GONDOLA_STORAGE") }
        if let storageFormer, storageFormer.hasPrefix("s3://") {
            findings += s3.findings(storageFormer, named: "GONDOLA_STORAGE_FORMER")
        }
        if storageFormer == storage {
            findings.append(
                .init(
                    source: "GONDOLA_STORAGE_FORMER", given: storageFormer,
                    expected: "another place than GONDOLA_STORAGE"))
        }
        return findings
    }

    /// Variables named `GONDOLA_…` that are no settings, each with the name that was probably meant.
    public static func unknownVariables(in environment: [String: String]) -> [(name: String, nearest: String)] {
        let known = Setting.all.map(\.name) + secretFileNames
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
    func given(_ flags: [String: String], _ environment: [String: String]) -> (String, String)? {
        if let flag, let text = flags[flag] { return ("--\(flag)", text) }
        if let text = environment[name], !text.isEmpty { return (name, text) }
        return nil
    }
}

extension ValueFormat where Value == String {
    /// One line of visible ASCII: anything else cannot stand in a header.
    static let key = ValueFormat(
        placeholder: "KEY",
        // The private key of a wallet would leave the machine as a Bearer token.
        expected: "a key of visible ASCII characters without spaces, and not a wallet's (64 hex digits)",
        parse: { text in
            let key = text.trimmingCharacters(in: .whitespacesAndNewlines)
            let isVisible = !key.isEmpty && key.utf8.count <= 4096 && key.utf8.allSatisfy { (33...126).contains($0) }
            return isVisible && WalletKey(Redacted(key)) == nil ? key : nil
        }, show: { $0 })
}

extension ValueFormat where Value == Redacted<String> {
    static let walletKey = ValueFormat(
        placeholder: "KEY", expected: WalletKey.expected,
        parse: { text in WalletKey(Redacted(text)) == nil ? nil : Redacted(text) }, show: { $0.reveal() })
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
