import Foundation
import Testing
import VideoModels

@testable import SyncService

@Suite struct AWSProfileTests {
    private static let keys = """
        # Amazon's tools write this.
        [default]
        aws_access_key_id = AKDEFAULT
        aws_secret_access_key=secret/default+=

        [videos]
          ; a comment
        aws_access_key_id = AKVIDEOS
        aws_secret_access_key = secret of videos
        aws_session_token = token
        """
    private static let config = """
        [default]
        region = eu-west-1
        [profile videos]
        region = eu-central-1
        endpoint_url = https://s3.example.com
        s3 =
            addressing_style = path
        [profile role]
        role_arn = arn:aws:iam::1:role/x
        [profile half]
        region = eu-west-3
        """

    private func with(
        _ settings: S3Settings = S3Settings(), keys: String? = Self.keys, mode: Int = 0o600,
        _ check: (S3Settings, String) throws -> Void
    ) async throws {
        try await withFolder { home in
            try FileManager.default.createDirectory(atPath: home + "/.aws", withIntermediateDirectories: true)
            if let keys {
                _ = FileManager.default.createFile(
                    atPath: home + "/.aws/credentials", contents: Data(keys.utf8), attributes: [.posixPermissions: mode]
                )
            }
            try Data(Self.config.utf8).write(to: URL(fileURLWithPath: home + "/.aws/config"))
            try check(settings, home)
        }
    }

    private func settings(_ change: (inout S3Settings) -> Void) -> S3Settings {
        var settings = S3Settings()
        change(&settings)
        return settings
    }

    @Test func `without a key in the environment the default profile has it, or the one that is named`() async throws {
        try await with { settings, home in
            let filled = try settings.filled(home: home)
            #expect(filled.credentials?.accessKeyID == "AKDEFAULT" && filled.region == "eu-west-1")
            #expect(filled.secretAccessKey?.reveal() == "secret/default+=" && filled.sessionToken == nil)
        }
        try await with(settings { $0.profile = "videos" }) { settings, home in
            let filled = try settings.filled(home: home)
            #expect(filled.credentials?.accessKeyID == "AKVIDEOS" && filled.region == "eu-central-1")
            #expect(filled.secretAccessKey?.reveal() == "secret of videos")
            #expect(filled.sessionToken?.reveal() == "token" && filled.generalEndpoint == "https://s3.example.com")
        }
    }

    @Test func `what the environment says counts, and a key there keeps every file out`() async throws {
        try await with(
            settings { settings in
                (settings.profile, settings.region, settings.endpoint) = ("videos", "us-west-2", "http://127.0.0.1:1")
            }
        ) { settings, home in
            let filled = try settings.filled(home: home)
            #expect(filled.region == "us-west-2" && filled.generalEndpoint == nil)
        }
        try await with(
            settings { settings in
                (settings.accessKeyID, settings.secretAccessKey) = ("AK", Redacted("s"))
                settings.profile = "nobody"
            }
        ) { settings, home in
            let filled = try settings.filled(home: home)
            #expect(filled == settings)
        }
    }

    @Test func `other files are read where they are named, and must be there`() async throws {
        try await with(keys: nil) { settings, home in
            var settings = settings
            let none = try settings.filled(home: home)
            #expect(none.credentials == nil)
            settings.credentialsFile = home + "/keys"
            #expect { try settings.filled(home: home) } throws: { "\($0)".contains("\(home)/keys cannot be used") }
            _ = FileManager.default.createFile(
                atPath: home + "/keys", contents: Data(Self.keys.utf8), attributes: [.posixPermissions: 0o600])
            #expect(try settings.filled(home: home).credentials?.accessKeyID == "AKDEFAULT")
            settings.configFile = home + "/nowhere"
            #expect { try settings.filled(home: home) } throws: { "\($0)".contains("AWS_CONFIG_FILE") }
        }
    }

    @Test func `a profile that is not there, or gets its key elsewhere, is told with what there is`() async throws {
        try await with(settings { $0.profile = "vidoes" }) { settings, home in
            #expect { try settings.filled(home: home) } throws: {
                "\($0)".contains("there is no profile vidoes") && "\($0)".contains("default, half, role, videos")
            }
        }
        try await with(settings { $0.profile = "role" }) { settings, home in
            #expect { try settings.filled(home: home) } throws: { "\($0)".contains("by role_arn") }
        }
        try await with(settings { $0.profile = "half" }) { settings, home in
            let filled = try settings.filled(home: home)
            #expect(filled.credentials == nil)
        }
    }

    @Test func `a file of keys that everybody may read is refused, and no secret is in the words`() async throws {
        try await with(mode: 0o644) { settings, home in
            #expect { try settings.filled(home: home) } throws: {
                "\($0)".contains("open to everybody") && !"\($0)".contains("secret/default")
            }
        }
    }
}
