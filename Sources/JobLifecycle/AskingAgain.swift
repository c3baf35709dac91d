public import VideoModels

/// What it means to ask once more for the video of a job, as a new job. Asking is never part of a job's own way: what an
/// operator repeats is decided here, so that no slip pays twice.
public enum AskingAgain: Hashable, Sendable {
    /// Nothing is spent on it, or all of it came back.
    case free
    /// So much is spent on it and stays spent: the new job pays as well.
    case paysAgain(spent: Money)
    /// It goes on by itself; a second one would pay for the same.
    case underWay
    /// A person decides about it first, since the money may be spent.
    case undecided
}

extension JobState {
    /// - Parameter spent: what the ledger says is settled and not refunded.
    public func askingAgain(spent: Money) -> AskingAgain {
        switch self {
        case .accepted, .quoted, .submitting, .rendering, .downloading: .underWay
        case .attention: .undecided
        case .failed, .cancelled, .ready: spent > .zero ? .paysAgain(spent: spent) : .free
        }
    }

    /// Under way, and free to be taken from its holder or out of its wait. An intent is not: its next holder could only
    /// report it lost.
    public var mayBeGivenBack: Bool {
        if case .submitting = self { false } else { isUnderWay }
    }
}
