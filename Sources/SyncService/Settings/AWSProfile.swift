import Foundation
import VideoModels

/// What a profile in the files of Amazon's tools says, as every program for S3 reads it: `~/.aws/credentials` and
/// `~/.aws/config`, or the files that `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` name.
struct AWSProfile: Hashable, Sendable {
    private(set) var values: [String: String] = [:]

    /// Words of ways to a key that are not gone here: each needs a service that hands out keys.
    private static let otherWays = [
        "role_arn", "sso_session", "sso_start_url", "credential_process", "credential_source",
        "web_identity_token_file",
    ]

    /// The sections of such a file, each with its settings. What belongs to a setting above it (indented) is passed over.
    static func sections(_ text: String) -> [String: [String: String]] {
        var (sections, name): ([String: [String: String]], String?) = ([:], nil)
        for line in text.split(whereSeparator: \.isNewline) {
            let word = line.trimmingCharacters(in: .whitespaces)
            if word.isEmpty || word.hasPrefix("#") || word.hasPrefix(";") { continue }
            if word.hasPrefix("["), let end = word.firstIndex(of: "]") {
                name = word[word.index(after: word.startIndex)..<end].trimmingCharacters(in: .whitespaces)
                sections[name ?? "", default: [:]].merge([:]) { $1 }
            } else if let name, let first = line.first, !first.isWhitespace, let sign = word.firstIndex(of: "=") {
                let key = word[..<sign].trimmingCharacters(in: .whitespaces).lowercased()
                sections[name]?[key] = word[word.index(after: sign)...].trimmingCharacters(in: .whitespaces)
            }
        }
        return sections
    }

    /// Reads a profile; nil where none is named and none is there.
    ///
    /// - Parameters:
    ///   - name: what `AWS_PROFILE` says.
    ///   - home: where `.aws` is looked for.
    init?(_ name: String?, credentials: String?, config: String?, home: String) throws(SetupError) {
        let files = Files(credentials: credentials, config: config, home: home)
        let (keys, settings) = (try files.readCredentials(), try files.readConfig())
        let profile = name ?? "default"
        let found = [settings["profile \(profile)"], profile == "default" ? settings["default"] : nil, keys[profile]]
        guard found.contains(where: { $0 != nil }) else {
            guard name != nil else { return nil }
            let known = Set(keys.keys).union(
                settings.keys.map { $0.hasPrefix("profile ") ? String($0.dropFirst("profile ".count)) : $0 })
            throw SetupError(
                "AWS_PROFILE: there is no profile \(profile) in \(files.credentials) or \(files.config)"
                    + (known.isEmpty ? "" : "; there are: \(known.sorted().joined(separator: ", "))"))
        }
        // The file of keys counts for more, as with Amazon's own tools.
        values = found.compactMap(\.self).reduce(into: [:]) { $0.merge($1) { $1 } }.filter { !$0.value.isEmpty }
        guard accessKeyID == nil || secretAccessKey == nil, let way = Self.otherWays.first(where: { values[$0] != nil })
        else { return }
        throw SetupError(
            "the profile \(profile) gets its key by \(way), which gondola does not do: give it aws_access_key_id and "
                + "aws_secret_access_key, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    }

    var accessKeyID: String? { values["aws_access_key_id"] }
    var secretAccessKey: Redacted<String>? { values["aws_secret_access_key"].map(Redacted.init) }
    var sessionToken: Redacted<String>? { values["aws_session_token"].map(Redacted.init) }

    private struct Files {
        var credentials: String
        var config: String
        private let isNamed: (credentials: Bool, config: Bool)

        init(credentials: String?, config: String?, home: String) {
            self.credentials = credentials ?? home + "/.aws/credentials"
            self.config = config ?? home + "/.aws/config"
            isNamed = (credentials != nil, config != nil)
        }

        func readCredentials() throws(SetupError) -> [String: [String: String]] {
            guard isNamed.credentials || FileManager.default.fileExists(atPath: credentials) else { return [:] }
            do throws(SecretFile.Unusable) { return AWSProfile.sections(try SecretFile.read(credentials)) } catch {
                throw SetupError("AWS_SHARED_CREDENTIALS_FILE: \(credentials) cannot be used: \(error)")
            }
        }

        func readConfig() throws(SetupError) -> [String: [String: String]] {
            guard let data = FileManager.default.contents(atPath: config) else {
                guard isNamed.config else { return [:] }
                throw SetupError("AWS_CONFIG_FILE: \(config) cannot be read")
            }
            return AWSProfile.sections(String(decoding: data.prefix(1 << 20), as: UTF8.self))
        }
    }
}

extension S3Settings {
    /// With what the profile says where the variables say nothing. A key in the variables is taken whole, so that no token
    /// of one goes with the key of another.
    func filled(home: String = NSHomeDirectory()) throws(SetupError) -> S3Settings {
        guard accessKeyID == nil, secretAccessKey == nil,
            let profile = try AWSProfile(
                self.profile, credentials: credentialsFile, config: configFile, home: home)
        else { return self }
        var filled = self
        (filled.accessKeyID, filled.secretAccessKey) = (profile.accessKeyID, profile.secretAccessKey)
        filled.sessionToken = profile.sessionToken
        if region == nil, defaultRegion == nil { filled.region = profile.values["region"] }
        if endpoint == nil, generalEndpoint == nil { filled.generalEndpoint = profile.values["endpoint_url"] }
        if authorityFile == nil { filled.authorityFile = profile.values["ca_bundle"] }
        return filled
    }
}
