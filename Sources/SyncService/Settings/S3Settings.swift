public import ObjectStorage
public import VideoModels

/// What reaches a bucket: the variables that every program for S3 reads, and one of our own.
public struct S3Settings: Hashable, Sendable {
    public var accessKeyID: String?
    public var secretAccessKey: Redacted<String>?
    public var sessionToken: Redacted<String>?
    /// In the files of Amazon's tools, where no key is given here.
    public var profile: String?
    /// Where those files are, unless in `~/.aws`.
    public var credentialsFile: String?
    public var configFile: String?
    public var region: String?
    /// Counts where `region` is nil.
    public var defaultRegion: String?
    /// Scheme, host and port of the service.
    public var endpoint: String?
    /// Counts where `endpoint` is nil.
    public var generalEndpoint: String?
    /// A file of certificates in PEM form to trust instead of the system's.
    public var authorityFile: String?
    public var addressing = S3Location.Addressing.automatic

    public init() {}

    var credentials: S3Credentials? {
        guard let accessKeyID, let secretAccessKey else { return nil }
        return S3Credentials(accessKeyID: accessKeyID, secretKey: secretAccessKey, sessionToken: sessionToken)
    }

    func location(_ storage: String) throws(InvalidS3Location) -> S3Location {
        try S3Location(
            storage, endpoint: endpoint ?? generalEndpoint, region: region ?? defaultRegion, addressing: addressing)
    }

    /// What is wrong with the name of a bucket and the way to it. Credentials are asked for where it is opened: most
    /// commands never do.
    func findings(_ storage: String, named name: String) -> [InvalidSettings.Finding] {
        var findings: [InvalidSettings.Finding] = []
        do throws(InvalidS3Location) { _ = try location(storage) } catch {
            let (source, given): (String, String?) =
                switch error {
                case .storage: (name, storage)
                case .endpoint where endpoint != nil: ("AWS_ENDPOINT_URL_S3", endpoint)
                case .endpoint: ("AWS_ENDPOINT_URL", generalEndpoint)
                case .region where region != nil: ("AWS_REGION", region)
                case .region: ("AWS_DEFAULT_REGION", defaultRegion)
                }
            findings.append(.init(source: source, given: given, expected: error.expected))
        }
        return findings
    }
}
