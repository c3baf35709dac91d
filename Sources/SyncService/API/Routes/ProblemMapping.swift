import JobLifecycle
import JobStore
import Logging
import ObjectStorage
import VeniceTransport
import VideoModels

extension Problem {
    /// The one place where errors become words for phones. Nothing of the inside goes out; the log has it.
    init(_ error: any Error, request: APIRequest, log: Logger) {
        self = Self.known(error) ?? Problem(status: 500, code: .internalError, title: "Something went wrong here")
        requestID = request.id
        if status >= 500 {
            log.error(
                "request failed",
                metadata: [
                    "request_id": "\(request.id)", "method": "\(request.method)", "path": "\(request.loggedPath)",
                    "status": "\(status)",
                    "error": "\(error)",
                ])
        }
    }

    private static func known(_ error: any Error) -> Problem? {
        switch error {
        case let problem as Problem: problem
        case let refusal as RequestRefusal: refusal.problem
        case let error as StoreError: store(error)
        case let refusal as UploadRefusal: upload(refusal)
        case let error as PostgresError where error.isPassing:
            Problem(
                status: 503, code: .unavailable, title: "The database does not answer",
                detail: "Try again in a few seconds.")
        case let error as InvalidEvent: conflict(error)
        case let error as VeniceError: upstream(error)
        case ObjectStoreError.noSpace: Problem(status: 507, code: .storageFull, title: "The storage is full")
        case ObjectStoreError.unavailable:
            Problem(
                status: 503, code: .unavailable, title: "The storage does not answer",
                detail: "Try again in a few seconds.")
        case is ContentMismatch:
            Problem(
                status: 503, code: .unavailable, title: "The stored bytes are not what they should be",
                detail: "Try again in a while; whoever runs this server has to mend it, if it stays so.")
        case ObjectStoreError.tooLarge(let limit):
            Problem(
                status: 413, code: .bodyTooLarge, title: "The body is too large", detail: "At most \(limit) bytes.")
        case ObjectStoreError.truncated: Problem.malformed("the body ended early")
        default: nil
        }
    }

    /// What is paid is told apart from what may be, and from what never was.
    private static func conflict(_ error: InvalidEvent) -> Problem {
        let status = error.state.status.rawValue
        switch (error.event, error.state) {
        case (.cancelRequested, .rendering), (.cancelRequested, .downloading), (.cancelRequested, .ready):
            return Problem(
                status: 409, code: .alreadyPaid, title: "The job is paid",
                detail: "The job is \(status); its price does not come back. Delete the video if it is not wanted.")
        case (.cancelRequested, .submitting):
            return Problem(
                status: 409, code: .maybePaid, title: "The job is being handed over",
                detail: "Its price may have been charged. Look at it again in a moment.")
        case (.cancelRequested, .attention(.unknownOutcome)), (.cancelRequested, .attention(.restored)):
            return Problem(
                status: 409, code: .maybePaid, title: "The job may have been paid",
                detail: "It waits for a decision: POST the choice to its decision.")
        case (.decided, .attention):
            return Problem(
                status: 409, code: .stateConflict, title: "That is not what is to be decided",
                detail: "The job offers other choices, or came to another decision meanwhile: look at its attention.")
        default:
            return Problem(
                status: 409, code: .stateConflict, title: "The job is past that", detail: "The job is \(status).")
        }
    }

    private static func store(_ error: StoreError) -> Problem {
        switch error {
        case .notFound: .notFound
        case .idempotencyConflict:
            Problem(
                status: 409, code: .idempotencyConflict, title: "This Idempotency-Key was used for another request",
                detail: "Use a new key for a new request, and the same key only to repeat the very same one.")
        case .cursorExpired, .cursorOfOtherEpoch, .cursorAhead: startOver(error)
        // Only a worker reserves; a phone is told through the job's failure.
        case .overBudget: Problem(status: 409, code: .stateConflict, title: "The budget has no room for it")
        case .underWay(let status):
            Problem(
                status: 409, code: .stateConflict, title: "The job has not ended",
                detail: status.wayToEnd + ", and delete it then.")
        case .suspended, .erased: Challenge.suspended.problem
        case .graceOver:
            Problem(
                status: 410, code: .graceOver, title: "It cannot be brought back any more",
                detail: "The time for that after a deletion is over.")
        case .leaseLost:
            Problem(status: 409, code: .stateConflict, title: "The job was changed by another at the same time")
        case .nameTaken(let name):
            Problem(status: 409, code: .stateConflict, title: "The name is taken", detail: name)
        }
    }

    /// A cursor that leads nowhere any more. The way on is the same for all of them.
    private static func startOver(_ error: StoreError) -> Problem {
        let (code, title): (Code, String) =
            switch error {
            case .cursorOfOtherEpoch: (.cursorExpired, "The cursor is of the time before the database was restored")
            case .cursorAhead: (.cursorAhead, "The cursor is of a place that this feed has not reached")
            default: (.cursorExpired, "The cursor is older than what is kept of deleted objects")
            }
        return Problem(
            status: 410, code: code, title: title,
            detail:
                "Ask again without a cursor. Keep the local data until the snapshot is complete, then remove what it "
                + "did not name.")
    }

    private static func upload(_ refusal: UploadRefusal) -> Problem {
        switch refusal {
        case .quotaExceeded(let bytes, let count):
            Problem(
                status: 413, code: .quotaExceeded, title: "There is no room for this upload",
                detail: "You have \(count) uploads with \(bytes) bytes, unfinished ones included. Delete some with "
                    + "DELETE /v1/assets/{id}.")
        case .expired:
            Problem(
                status: 410, code: .uploadExpired, title: "The upload was not gone on with for too long",
                detail: "Begin it anew.")
        case .locked(let seconds):
            Problem(
                status: 423, code: .uploadLocked, title: "Another request has this upload",
                detail: "Try again when that has ended, or after \(seconds) seconds without a word from it.")
        case .assetInUse:
            Problem(
                status: 409, code: .assetInUse, title: "A job under way names this upload",
                detail: "Cancel the job first, or wait for its end.")
        }
    }

    private static func upstream(_ error: VeniceError) -> Problem {
        switch error {
        case .invalid(let findings, let evidence):
            findings.isEmpty
                ? Problem(
                    status: 422, code: .validationFailed, title: "The request is not valid", detail: evidence.message)
                : .invalid(findings)
        case .refused(let refusal, _):
            Problem(status: 422, code: .validationFailed, title: "The request was refused", detail: refusal.message)
        case .notSent, .outcomeUnknown, .throttled, .retryLater, .paymentNeeded, .operatorMustAct, .consentNeeded,
            .gone,
            .unexpectedAnswer:
            Problem(
                status: 503, code: .upstreamUnavailable, title: "The video service does not answer as it should",
                detail: "Try again later.")
        }
    }
}

extension Job.Status {
    /// How a job in this state comes to an end, for a person.
    fileprivate var wayToEnd: String {
        switch self {
        case .waiting: "Cancel it first (POST …/cancel)"
        case .attention: "Decide about it first (POST …/decision with give_up)"
        case .submitting, .rendering, .downloading: "It is paid and cannot be cancelled: wait until it has ended"
        case .ready, .failed, .cancelled: "Ask again"
        }
    }
}
