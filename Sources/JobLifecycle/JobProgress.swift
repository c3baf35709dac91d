public import Foundation
public import VideoModels

/// A job's state with what its decisions depend on.
public struct JobProgress: Hashable, Sendable {
    public var state: JobState
    /// Troubles in a row; any step forward but an intent, which has reached nobody yet, sets it to 0.
    public var setbacks: Int
    /// Of those, how many at the end of the row were 500s: only they are a verdict on the job.
    public var serverErrors: Int
    /// The user's cap on the price of this job.
    public var maxPrice: Money?
    /// What the user has agreed to, to be told with the submission.
    public var consent: ConsentGiven?
    /// Why the job waits although it could go on; any step but waiting on ends it.
    public var hold: Job.Hold?
    /// What the upstream's own record says of the answer that was lost; nil until somebody has looked.
    public var verdict: Job.Attention.Verdict?
    public var outlook: JobOutlook

    public init(
        state: JobState = .accepted, setbacks: Int = 0, maxPrice: Money? = nil, serverErrors: Int = 0,
        consent: ConsentGiven? = nil, hold: Job.Hold? = nil, verdict: Job.Attention.Verdict? = nil,
        outlook: JobOutlook = JobOutlook()
    ) {
        self.state = state
        self.setbacks = setbacks
        self.serverErrors = serverErrors
        self.maxPrice = maxPrice
        self.consent = consent
        self.hold = hold
        self.verdict = verdict
        self.outlook = outlook
    }

    /// Moves the job on by one event, and says what to write with it. Pure: same input, same answer.
    ///
    /// `jitter` in 0 ..< 1 spreads waiting times. On an error nothing has changed.
    public mutating func apply(
        _ event: JobEvent, policy: JobPolicy, at now: Date, jitter: Double
    ) throws(InvalidEvent) -> [JobEffect] {
        let step = try Transition(policy: policy, now: now, jitter: jitter).step(from: self, on: event)
        if case (.attention(.consentNeeded(_, let request)), .decided(.agree)) = (state, event) {
            consent = ConsentGiven(request, at: now)
        }
        state = step.state
        setbacks = step.setbacks
        serverErrors = step.serverErrors
        hold = step.hold
        // It is about the attempt that the job waits with, and about no other.
        verdict = nil
        outlook = JobOutlook(
            trouble: step.trouble, expectation: step.state.isRendering ? outlook.expectation : nil)
        return step.effects
    }
}

extension JobProgress {
    /// Whether a look that found the job still under way is worth a write. One that is not leaves the row as it was, but for
    /// the count of looks, which goes along with the next write.
    public mutating func looked(usual: TimeInterval?, policy: JobPolicy, at now: Date) -> Bool {
        guard case .rendering(var rendering) = state, setbacks == 0,
            now.timeIntervalSince(rendering.submittedAt) < policy.deadline, !rendering.isNews(usual: usual)
        else { return true }
        rendering.polls += 1
        state = .rendering(rendering)
        return false
    }
}

extension Rendering {
    /// A tenth more or less is no news: the phone's bar would only jump.
    fileprivate func isNews(usual given: TimeInterval?) -> Bool {
        guard let given else { return false }
        guard let usual else { return true }
        return abs(given - usual) > 0.1 * usual
    }
}

/// What one event makes of a job.
private struct Step {
    var state: JobState
    var effects: [JobEffect]
    var setbacks = 0
    var serverErrors = 0
    var hold: Job.Hold?
    var trouble: Trouble?
}

extension JobState {
    fileprivate var isRendering: Bool {
        if case .rendering = self { true } else { false }
    }
}

private struct Transition {
    var policy: JobPolicy
    var now: Date
    var jitter: Double

    private static let correctionLimit = 5

    /// The whole table. Refusals are spelled out: a new state or event compiles only once someone has decided.
    func step(from job: JobProgress, on event: JobEvent) throws(InvalidEvent) -> Step {
        if case .postponed(let delay) = event, job.state.mayBeGivenBack {
            // What held it back is over, or it would have been told so.
            let news: [JobEffect] = job.hold == nil ? [] : [.publish]
            return Step(
                state: job.state, effects: [.snooze(delay)] + news, setbacks: job.setbacks,
                serverErrors: job.serverErrors, trouble: job.outlook.trouble)
        }
        switch job.state {
        case .accepted: return try fromAccepted(job, event)
        case .quoted(let quotation): return try fromQuoted(quotation, job, event)
        case .submitting(let quotation, _): return try fromSubmitting(quotation, job, event)
        case .rendering(let rendering): return try fromRendering(rendering, job, event)
        case .downloading(let rendering): return try fromDownloading(rendering, job, event)
        case .ready(let delivery): return try fromReady(delivery, job, event)
        case .attention(let attention): return try fromAttention(attention, job, event)
        case .failed, .cancelled: throw InvalidEvent(event, in: job.state)
        }
    }

    func fromAccepted(_ job: JobProgress, _ event: JobEvent) throws(InvalidEvent) -> Step {
        switch event {
        case .priced(let price):
            if let most = job.maxPrice, price > most {
                let failure = Failure(.priceAboveLimit, "The price is \(price), above the limit of \(most).")
                return Step(state: .failed(failure), effects: [.publish])
            }
            return Step(state: .quoted(Quotation(price: price)), effects: [.publish])
        case .refused(let failure): return Step(state: .failed(failure), effects: [.publish])
        case .accountBlocked(let evidence): return blocked(evidence)
        case .setback(let setback): return waitUnpaid(job, setback)
        case .cancelRequested: return Step(state: .cancelled, effects: [.publish])
        case .submissionIntended, .submissionAccepted, .submissionNotSent, .submissionCorrectable, .consentAsked,
            .submissionLost, .stillRendering, .videoAnnounced, .videoStored, .renderingFailed, .cleanedUp, .postponed,
            .held,
            .decided:
            throw InvalidEvent(event, in: job.state)
        }
    }

    func fromQuoted(_ quotation: Quotation, _ job: JobProgress, _ event: JobEvent) throws(InvalidEvent) -> Step {
        switch event {
        case .submissionIntended(let token):
            return Step(
                state: .submitting(quotation, by: token), effects: [.reserve(quotation.price), .publish],
                setbacks: job.setbacks, trouble: job.outlook.trouble)
        case .refused(let failure): return Step(state: .failed(failure), effects: [.publish])
        case .held(let hold): return held(job, hold)
        case .setback(let setback): return waitUnpaid(job, setback)
        case .cancelRequested: return Step(state: .cancelled, effects: [.publish])
        case .priced, .submissionAccepted, .submissionNotSent, .submissionCorrectable, .consentAsked, .submissionLost,
            .accountBlocked, .stillRendering, .videoAnnounced, .videoStored, .renderingFailed, .cleanedUp, .postponed,
            .decided:
            throw InvalidEvent(event, in: job.state)
        }
    }

    func fromSubmitting(_ quotation: Quotation, _ job: JobProgress, _ event: JobEvent) throws(InvalidEvent) -> Step {
        let price = quotation.price
        switch event {
        case .submissionAccepted(let receipt):
            let rendering = Rendering(
                price: price, model: receipt.model, queueID: receipt.queueID, link: receipt.link, submittedAt: now)
            return Step(state: .rendering(rendering), effects: [.settle(price), .publish])
        case .submissionNotSent(let setback):
            // Nothing is paid, so the job is as it was before the intent, and the wait is that of any trouble.
            var step = waitUnpaid(job, setback)
            if case .failed = step.state {
                step.effects = [.release(price), .publish]
            } else {
                step.state = .quoted(quotation)
                step.effects = step.effects.filter { $0 != .publish } + [.release(price), .publish]
            }
            return step
        case .submissionCorrectable(let failure): return corrected(quotation, job, failure)
        case .consentAsked(let request): return asked(quotation, job, request)
        case .refused(let failure):
            return Step(state: .failed(failure), effects: [.release(price), .publish])
        case .accountBlocked(let evidence):
            var step = blocked(evidence)
            step.effects.append(.release(price))
            return step
        case .submissionLost(let evidence): return lost(quotation, evidence)
        case .priced, .submissionIntended, .stillRendering, .videoAnnounced, .videoStored, .renderingFailed,
            .cleanedUp, .postponed, .held, .setback, .cancelRequested, .decided:
            throw InvalidEvent(event, in: job.state)
        }
    }

    func fromRendering(_ rendering: Rendering, _ job: JobProgress, _ event: JobEvent) throws(InvalidEvent) -> Step {
        switch event {
        case .stillRendering(let usual): return polled(rendering, usual)
        case .videoAnnounced(let link): return announced(rendering, link)
        case .renderingFailed(let failure):
            // An id that has just been given out may not be known everywhere yet (PROTOCOL §20, row 26).
            if failure.code == Failure.Code.mediaGone.rawValue, job.setbacks == 0,
                now.timeIntervalSince(rendering.submittedAt) < policy.polling.recheckAge
            {
                return troubled(
                    rendering, job, Setback(.unreachable, failure.message, retryAfter: policy.polling.leastGap))
            }
            return dead(rendering, failure)
        case .setback(let setback): return troubled(rendering, job, setback)
        case .priced, .refused, .submissionIntended, .submissionAccepted, .submissionNotSent, .submissionCorrectable,
            .consentAsked, .submissionLost, .accountBlocked, .videoStored, .cleanedUp, .postponed, .held,
            .cancelRequested, .decided:
            throw InvalidEvent(event, in: job.state)
        }
    }

    func fromDownloading(_ rendering: Rendering, _ job: JobProgress, _ event: JobEvent) throws(InvalidEvent) -> Step {
        switch event {
        case .videoStored(let video):
            let delivery = Delivery(rendering: rendering, videoID: video.id, isCleanedUp: false)
            return Step(state: .ready(delivery), effects: [.addVideo(video), .publish])
        case .stillRendering(let usual):
            // The upstream took its announcement back.
            var step = polled(rendering, usual)
            if step.effects.isEmpty { step.effects = [.publish] }
            return step
        case .renderingFailed(let failure): return dead(rendering, failure)
        case .setback(let setback): return troubled(rendering, job, setback)
        case .priced, .refused, .submissionIntended, .submissionAccepted, .submissionNotSent, .submissionCorrectable,
            .consentAsked, .submissionLost, .accountBlocked, .videoAnnounced, .cleanedUp, .postponed, .held,
            .cancelRequested, .decided:
            throw InvalidEvent(event, in: job.state)
        }
    }

    func fromReady(_ delivery: Delivery, _ job: JobProgress, _ event: JobEvent) throws(InvalidEvent) -> Step {
        var done = delivery
        done.isCleanedUp = true
        switch event {
        case .cleanedUp where !delivery.isCleanedUp: return Step(state: .ready(done), effects: [])
        case .setback(let setback) where !delivery.isCleanedUp:
            // The video is safe, and the upstream's copy expires by itself: not worth trying for ever.
            if job.setbacks + 1 >= policy.cleanUpLimit { return Step(state: .ready(done), effects: []) }
            return wait(job, setback)
        case .priced, .refused, .submissionIntended, .submissionAccepted, .submissionNotSent, .submissionCorrectable,
            .consentAsked, .submissionLost, .accountBlocked, .stillRendering, .videoAnnounced, .videoStored,
            .renderingFailed, .cleanedUp, .postponed, .held, .setback, .cancelRequested, .decided:
            throw InvalidEvent(event, in: job.state)
        }
    }

    func fromAttention(_ attention: Attention, _ job: JobProgress, _ event: JobEvent) throws(InvalidEvent) -> Step {
        switch (attention, event) {
        case (.unknownOutcome(let quotation, _), .decided(.giveUp)):
            return job.verdict == .notCharged ? notCharged(quotation) : writtenOff(quotation)
        case (.unknownOutcome(let quotation, _), .decided(.resubmit)):
            // Unless the opposite is proven the first try may have been charged: it counts as spent, and the second is
            // reserved anew.
            let first: JobEffect =
                job.verdict == .notCharged ? .release(quotation.price) : .settle(quotation.price)
            return Step(state: .quoted(quotation), effects: [first, .publish, .snooze(0)])
        case (.unknownOutcome(let quotation, _), .submissionAccepted), (.unknownOutcome(let quotation, _), .refused),
            (.unknownOutcome(let quotation, _), .submissionNotSent),
            (.unknownOutcome(let quotation, _), .submissionCorrectable),
            (.unknownOutcome(let quotation, _), .consentAsked),
            (.unknownOutcome(let quotation, _), .accountBlocked):
            // The lost answer was found, in the journal of the worker that got it. Nobody holds the job.
            var step = try fromSubmitting(quotation, job, event)
            if case .rendering = step.state { step.effects.append(.snooze(0)) }
            return step
        case (.accountBlocked(let evidence), .decided(.giveUp)):
            return Step(state: .failed(Failure(.refused, evidence, refunded: true)), effects: [.publish])
        case (.accountBlocked, .decided(.resubmit)):
            return Step(state: .accepted, effects: [.publish, .snooze(0)])
        case (.accountBlocked, .cancelRequested), (.consentNeeded, .cancelRequested):
            return Step(state: .cancelled, effects: [.publish])
        case (.consentNeeded, .decided(.agree)):
            // The price may be of another day.
            return Step(state: .accepted, effects: [.publish, .snooze(0)])
        case (.consentNeeded, .decided(.giveUp)):
            let failure = Failure(.consentNeeded, "The consent that the upstream asks for was not given.")
            return Step(state: .failed(failure), effects: [.publish])
        case (.restored(let quotation, _), .decided(.resubmit)):
            // At the price that it had: rows of the ledger for an earlier attempt may be of that price.
            return Step(state: quotation.map(JobState.quoted) ?? .accepted, effects: [.publish, .snooze(0)])
        case (.restored, .decided(.giveUp)):
            let failure = Failure(.givenUp, "Given up after the service was restored from a backup.")
            return Step(state: .failed(failure), effects: [.publish])
        case (_, .priced), (_, .refused), (_, .submissionIntended), (_, .submissionAccepted), (_, .submissionNotSent),
            (_, .submissionCorrectable), (_, .consentAsked), (_, .submissionLost), (_, .accountBlocked),
            (_, .stillRendering), (_, .videoAnnounced), (_, .videoStored), (_, .renderingFailed), (_, .cleanedUp),
            (_, .postponed), (_, .held), (_, .setback), (_, .cancelRequested),
            (.unknownOutcome, .decided(.agree)), (.accountBlocked, .decided(.agree)), (.restored, .decided(.agree)),
            (.consentNeeded, .decided(.resubmit)):
            throw InvalidEvent(event, in: job.state)
        }
    }

    // MARK: - what several stages share

    func wait(_ job: JobProgress, _ setback: Setback) -> Step {
        let delay = policy.wait(after: setback, attempt: job.setbacks + 1, jitter: jitter)
        return Step(
            state: job.state, effects: [.snooze(delay)], setbacks: job.setbacks + 1,
            serverErrors: setback.kind == .serverError ? job.serverErrors + 1 : 0,
            trouble: policy.retries.next(job.outlook.trouble, setback.kind, at: now))
    }

    /// Nothing is paid, so trying has an end.
    func waitUnpaid(_ job: JobProgress, _ setback: Setback) -> Step {
        var step = wait(job, setback)
        step.hold = setback.kind == .modelUnavailable ? .model : nil
        if step.hold != job.hold { step.effects.append(.publish) }
        guard let failure = policy.retries.verdict(on: step.trouble, setback.kind, at: now) else { return step }
        return Step(state: .failed(failure), effects: [.publish])
    }

    /// Looks again before the reason ends by itself: refunds make room, too.
    func held(_ job: JobProgress, _ hold: Job.Hold) -> Step {
        let left = hold.until.map { max(0, $0.timeIntervalSince(now)) } ?? JobPolicy.holdRecheck
        let wait = JobEffect.snooze(min(left, JobPolicy.holdRecheck))
        // The last time nothing went wrong with it.
        return Step(
            state: job.state, effects: job.hold == hold ? [wait] : [wait, .publish], setbacks: job.setbacks, hold: hold)
    }

    func blocked(_ evidence: String) -> Step {
        Step(state: .attention(.accountBlocked(evidence: evidence)), effects: [.publish])
    }

    /// The upstream remembers an agreement by the bytes of the media, so being asked again after one is a refusal.
    func asked(_ quotation: Quotation, _ job: JobProgress, _ request: ConsentRequest) -> Step {
        let release = JobEffect.release(quotation.price)
        guard job.consent == nil else {
            let failure = Failure(.consentNeeded, "The upstream asks for the same consent again.")
            return Step(state: .failed(failure), effects: [release, .publish])
        }
        return Step(state: .attention(.consentNeeded(quotation, request)), effects: [release, .publish])
    }

    /// Only among the job's first troubles, so that refusals come to an end. Not only as its first: the next attempt may be
    /// another process's, which has to learn the same first. Given back, so that it is made under a token of its own.
    func corrected(_ quotation: Quotation, _ job: JobProgress, _ failure: Failure) -> Step {
        let release = JobEffect.release(quotation.price)
        guard job.setbacks < Self.correctionLimit else {
            return Step(state: .failed(failure), effects: [release, .publish])
        }
        return Step(
            state: .quoted(quotation), effects: [release, .publish, .snooze(0)], setbacks: job.setbacks + 1,
            trouble: policy.retries.next(job.outlook.trouble, .serverError, at: now))
    }

    func lost(_ quotation: Quotation, _ evidence: String) -> Step {
        switch policy.unknownOutcome {
        case .hold:
            // The money may be spent and the video may be rendering: neither release nor resubmit.
            Step(state: .attention(.unknownOutcome(quotation, evidence: evidence)), effects: [.publish])
        case .fail: writtenOff(quotation)
        case .resubmit:
            // Given back, so that the next attempt is made under a token of its own.
            Step(state: .quoted(quotation), effects: [.settle(quotation.price), .publish, .snooze(0)])
        }
    }

    func writtenOff(_ quotation: Quotation) -> Step {
        let failure = Failure(.givenUp, "The answer to the submission was lost; \(quotation.price) may be spent.")
        return Step(state: .failed(failure), effects: [.settle(quotation.price), .publish])
    }

    func notCharged(_ quotation: Quotation) -> Step {
        let failure = Failure(
            .givenUp, "The answer to the submission was lost; the upstream's record shows that nothing was charged.",
            refunded: true)
        return Step(state: .failed(failure), effects: [.release(quotation.price), .publish])
    }

    func polled(_ rendering: Rendering, _ usual: TimeInterval?) -> Step {
        var next = rendering
        next.polls += 1
        if isPastDeadline(rendering) { return overdue(rendering) }
        // The phone extrapolates, so only a new estimate is news. The holder keeps the job until its next turn.
        guard let usual, rendering.isNews(usual: usual) else { return Step(state: .rendering(next), effects: []) }
        next.usual = usual
        return Step(state: .rendering(next), effects: [.publish])
    }

    func announced(_ rendering: Rendering, _ link: Redacted<String>?) -> Step {
        var next = rendering
        next.polls += 1
        next.link = rendering.link ?? link
        return Step(state: .downloading(next), effects: [.publish])
    }

    func troubled(_ rendering: Rendering, _ job: JobProgress, _ setback: Setback) -> Step {
        if isPastDeadline(rendering) { return overdue(rendering) }
        if setback.kind == .serverError, job.serverErrors + 1 >= policy.serverErrorLimit {
            return dead(rendering, Failure(.upstreamError, setback.message))
        }
        var step = wait(job, setback)
        // A 500 is only believed once it has stood for a while, so these tries are a poll's distance apart.
        if setback.kind == .serverError {
            step.effects = [.snooze(max(policy.polling.serverErrorGap, setback.retryAfter ?? 0))]
        }
        return step
    }

    func dead(_ rendering: Rendering, _ failure: Failure) -> Step {
        let refund: [JobEffect] = failure.refunded == true ? [.refund(rendering.price)] : []
        return Step(state: .failed(failure), effects: refund + [.publish])
    }

    func isPastDeadline(_ rendering: Rendering) -> Bool {
        now.timeIntervalSince(rendering.submittedAt) >= policy.deadline
    }

    func overdue(_ rendering: Rendering) -> Step {
        dead(rendering, Failure(.deadlineExceeded, "The upstream did not finish the video in time."))
    }
}
