import Foundation
import VeniceTransport
import VideoModels

/// One account of a deployment, as it was set up.
struct AccountSettings: Hashable, Sendable {
    var account: VeniceAccount
    /// Off for an account that only finishes what it has begun.
    var takesNewJobs = true
}

/// The file that `GONDOLA_VENICE_ACCOUNTS_FILE` names: a JSON list with one object an account.
struct AccountsFile {
    /// Where a secret file's text and a variable's value come from.
    var readSecret: (String) throws -> String
    var environment: [String: String]
    var defaultBaseURL: String

    private static let keys: Set<String> = [
        "id", "base_url", "key_env", "key_file", "wallet_key_env", "wallet_key_file", "takes_new_jobs",
    ]
    private static let credentialKeys = ["key_env", "key_file", "wallet_key_env", "wallet_key_file"]
    private static let most = 100

    /// What is wrong with an entry. Shows names and never a secret.
    struct Wrong: Error {
        var field: String
        var given: String?
        var expected: String

        init(_ field: String, _ given: String? = nil, expected: String) {
            (self.field, self.given, self.expected) = (field, given, expected)
        }
    }

    /// Reads what the file at `path` holds. Every entry that is wrong is found, named by file, place and field.
    func accounts(_ text: String, at path: String) -> Result<[AccountSettings], InvalidSettings> {
        guard let list = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [Any],
            (1...Self.most).contains(list.count)
        else {
            let expected = "a JSON list of 1 to \(Self.most) objects such as {\"id\": \"main\", \"key_file\": \"…\"}"
            return .failure(.init([.init(source: path, given: nil, expected: expected)]))
        }
        var (accounts, findings): ([AccountSettings], [InvalidSettings.Finding]) = ([], [])
        for (index, entry) in list.enumerated() {
            do throws(Wrong) {
                accounts.append(try read(entry, others: accounts))
            } catch {
                let source = "\(path): account \(index + 1): \(error.field)"
                findings.append(.init(source: source, given: error.given, expected: error.expected))
            }
        }
        if findings.isEmpty, !accounts.contains(where: \.takesNewJobs) {
            let expected = "at least one account with takes_new_jobs"
            findings.append(.init(source: path, given: nil, expected: expected))
        }
        return findings.isEmpty ? .success(accounts) : .failure(.init(findings))
    }

    private func read(_ entry: Any, others: [AccountSettings]) throws(Wrong) -> AccountSettings {
        guard let fields = entry as? [String: Any] else { throw Wrong("entry", expected: "an object") }
        if let unknown = fields.keys.sorted().first(where: { !Self.keys.contains($0) }) {
            throw Wrong(unknown, expected: "only \(Self.keys.sorted().joined(separator: ", "))")
        }
        let id = try text("id", fields, ValueFormat.word)
        guard let id else { throw Wrong("id", expected: ValueFormat.word.expected) }
        guard !others.contains(where: { $0.account.id == id }) else {
            throw Wrong("id", id, expected: "a name that no other account has")
        }
        let baseURL = try text("base_url", fields, ValueFormat.webAddress) ?? defaultBaseURL
        var takesNewJobs = true
        if let value = fields["takes_new_jobs"] {
            guard let flag = value as? Bool else { throw Wrong("takes_new_jobs", expected: "true or false") }
            takesNewJobs = flag
        }
        let account = VeniceAccount(id: id, baseURL: baseURL, credential: try credential(fields))
        return AccountSettings(account: account, takesNewJobs: takesNewJobs)
    }

    private func text(
        _ name: String, _ fields: [String: Any], _ format: ValueFormat<String>
    ) throws(Wrong) -> String? {
        guard let value = fields[name] else { return nil }
        guard let text = value as? String else { throw Wrong(name, expected: format.expected) }
        guard let parsed = format.parse(text) else { throw Wrong(name, text, expected: format.expected) }
        return parsed
    }

    private func credential(_ fields: [String: Any]) throws(Wrong) -> VeniceAccount.Credential {
        let given = Self.credentialKeys.filter { fields[$0] != nil }
        guard let name = given.first, given.count == 1 else {
            let field = given.isEmpty ? "entry" : given.joined(separator: ", ")
            throw Wrong(field, expected: "exactly one of \(Self.credentialKeys.joined(separator: ", "))")
        }
        guard let place = fields[name] as? String, !place.isEmpty else {
            throw Wrong(name, expected: name.hasSuffix("env") ? "the name of a variable" : "the path of a file")
        }
        let secret = Redacted(try secret(name, place))
        if name.hasPrefix("wallet") {
            guard let key = WalletKey(secret) else { throw Wrong(name, expected: "to lead to \(WalletKey.expected)") }
            return .wallet(key)
        }
        guard let key = ValueFormat.key.parse(secret.reveal()) else {
            throw Wrong(name, expected: "to lead to \(ValueFormat.key.expected)")
        }
        return .bearer(Redacted(key))
    }

    private func secret(_ name: String, _ place: String) throws(Wrong) -> String {
        if name.hasSuffix("env") {
            guard let value = environment[place], !value.isEmpty else {
                // Not shown: a key that was put here by mistake looks like a name.
                throw Wrong(name, expected: "the name of a variable that is set")
            }
            return value
        }
        do { return try readSecret(place) } catch {
            throw Wrong(name, place.contains("/") ? place : nil, expected: SecretFile.expectation(after: error))
        }
    }
}

extension InvalidSettings {
    init(_ findings: [Finding]) { self.init(findings: findings) }
}
