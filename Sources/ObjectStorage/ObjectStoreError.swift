/// What went wrong, sorted by what to do next.
public enum ObjectStoreError: Error, Hashable, Sendable {
    /// There is no such object.
    case notFound
    /// The object is another one than when it was opened: open it again.
    case changed
    /// The SHA-256 of the bytes is not that of those that were sent: fetch them again, and tell a person.
    case corrupted(expected: String, got: String?)
    /// The disk or the quota is full: pause, and tell a person.
    case noSpace
    /// A folder is read-only or belongs to someone else: tell a person.
    case notWritable(path: String)
    /// The store's own folder is gone (not mounted?): tell a person.
    case missingFolder(path: String)
    /// There is no such bucket: tell a person.
    case missingBucket(String)
    /// Something that is no object of ours stands in the way: a folder, a link, or a file where a folder must be.
    case foreignFile(path: String)
    /// The body ended early: fetch it again.
    case truncated(expected: Int64, got: Int64)
    /// The body is longer than announced or allowed: do not fetch it again.
    case tooLarge(limit: Int64)
    /// The service does not answer, or asks for patience, after several tries: pause.
    case unavailable(String)
    /// The service refuses this key, signature, permission or clock: tell a person.
    case denied(code: String, message: String)
    /// The service answered what nobody should: a person may want to look. Never holds a secret.
    case unexpected(String)
    /// The task was cancelled.
    case cancelled
    /// The operating system failed in a way that has no remedy here.
    case io(errno: Int32, what: String)
}

extension ObjectStoreError: CustomStringConvertible {
    /// For an operator; holds no secret.
    public var description: String {
        switch self {
        case .notFound: "there is no such object"
        case .changed: "the object was replaced while it was read"
        case .corrupted(let expected, let got): "the bytes have the SHA-256 \(got ?? "unknown") instead of \(expected)"
        case .noSpace: "there is no room left"
        case .notWritable(let path): "\(path) cannot be written"
        case .missingFolder(let path): "the folder \(path) is not there"
        case .missingBucket(let name): "there is no bucket \(name)"
        case .foreignFile(let path): "\(path) is not what should be there"
        case .truncated(let expected, let got): "only \(got) of \(expected) bytes came"
        case .tooLarge(let limit): "there are more than \(limit) bytes"
        case .unavailable(let reason): "the object service does not answer as it should: \(reason)"
        case .denied(let code, let message): "the object service refuses: \(code) \(message)"
        case .unexpected(let what): what
        case .cancelled: "it was cancelled"
        case .io(let errno, let what): "\(what) failed with error number \(errno)"
        }
    }
}
