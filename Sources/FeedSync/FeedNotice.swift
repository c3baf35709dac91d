/// What happens on the way to the next page.
public enum FeedNotice: Hashable, Sendable {
    /// It listens to a stream.
    case listening
    /// Streams do not come through here; it polls for some minutes before it tries one again.
    case polling
    /// The server ended the stream in order, and another is opened: `draining`, `revoked`, `lifetime` or a later word.
    case closed(reason: String)
    /// The cursor has expired, or the data was restored: a snapshot follows, and the data stays until it is complete.
    case startingOver
    /// Passing trouble, and how long it waits before it tries again.
    case trouble(FeedClientError, pause: Duration)
}
