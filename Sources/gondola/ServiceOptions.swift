import ArgumentParser
import Foundation
import Logging
import SyncService

/// What `run`, `serve` and `work` have in common.
struct ServiceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write {\"api\":\"http://…\",\"ops\":\"http://…\"} to this file once the service is ready.",
            valueName: "file"))
    var announce: String?

    @OptionGroup var settings: SettingFlags

    func run(_ roles: Set<GondolaService.Role>) async throws {
        let configuration = try settings.resolve()
        let service = GondolaService(
            configuration: configuration, roles: roles, log: Logger.standardError(configuration))
        try await service.run { api, ops in
            if let announce { try Announcement(api: api, ops: ops).write(to: announce) }
        }
    }
}

/// Where a service listens, for whoever started it.
struct Announcement: Encodable, Equatable {
    var api: String?
    var ops: String?

    init(api: ListenAddress?, ops: ListenAddress?) {
        self.api = api.map { "http://\($0)" }
        self.ops = ops.map { "http://\($0)" }
    }

    /// The file appears whole or not at all.
    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
            throw CommandFailure(.failed, "\(path): cannot be written")
        }
    }
}

let settingsDiscussion = """
    Every option can stand in the environment instead, under the name in its parentheses; the option wins. \
    Beside DATABASE_URL there are GONDOLA_DATABASE_DIRECT_URL, the way around a pooler, and \
    GONDOLA_DATABASE_REPLICA_URL, a standby to read feeds from, in the environment only. \
    The key of the Venice account is VENICE_API_KEY, in the environment only, or a file named by VENICE_API_KEY_FILE; \
    that of a wallet is VENICE_WALLET_KEY or in VENICE_WALLET_KEY_FILE. \
    A bucket is reached with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION or \
    AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, and AWS_CA_BUNDLE, or a profile, AWS_PROFILE in \
    AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE, in the environment only.
    A proxy is VENICE_PROXY, in the environment only; without it http_proxy and its kin count. \
    Durations: 500ms, 15s, 5m, 24h. Sizes: 25MB, 8GiB.
    """
