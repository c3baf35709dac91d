/// What went wrong, sorted by what to do next.
public enum ObjectStoreError: Error, Hashable, Sendable {
    /// There is no such object.
    case notFound
    /// The disk or the quota is full: pause, and tell a person.
    case noSpace
    /// A folder is read-only or belongs to someone else: tell a person.
    case notWritable(path: String)
    /// The store's own folder is gone (not mounted?): tell a person.
    case missingFolder(path: String)
    /// Something that is no object of ours stands in the way: a folder, a link, or a file where a folder must be.
    case foreignFile(path: String)
    /// The body ended early: fetch it again.
    case truncated(expected: Int64, got: Int64)
    /// The body is longer than announced or allowed: do not fetch it again.
    case tooLarge(limit: Int64)
    /// The operating system failed in a way that has no remedy here.
    case io(errno: Int32, what: String)
}
