import VideoModels

/// What the holder of a lease does now.
public enum NextAction: Hashable, Sendable {
    case price
    /// Make the intent to pay durable; nothing leaves yet.
    case intendSubmission(Quotation)
    /// Send the paid request, once.
    case submit(Quotation)
    /// Another worker's intent was found: that worker is gone and nobody knows whether its request left.
    case reportLost
    case poll(Rendering)
    /// Bring the bytes home.
    case store(Rendering)
    /// Remove the upstream's copies.
    case cleanUp(Delivery)
}

extension JobState {
    /// The next action, read from the state alone: a worker that takes over after a crash just carries on.
    public func nextAction(holding token: LeaseToken) -> NextAction? {
        switch self {
        case .accepted: .price
        case .quoted(let quotation): .intendSubmission(quotation)
        case .submitting(let quotation, by: token): .submit(quotation)
        case .submitting: .reportLost
        case .rendering(let rendering): .poll(rendering)
        case .downloading(let rendering): .store(rendering)
        case .ready(let delivery): delivery.isCleanedUp ? nil : .cleanUp(delivery)
        case .failed, .cancelled, .attention: nil
        }
    }

    /// Whether a worker still has something to do: such a job must have a time for its next action.
    public var isUnderWay: Bool { nextAction(holding: LeaseToken(0)) != nil }
}
