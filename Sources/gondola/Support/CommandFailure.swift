import ArgumentParser
import FeedSync
import Foundation
import JobStore
import SyncService
import VideoModels

/// The exit statuses that `gondola --help` explains; the numbers are those of `sysexits.h`.
enum ExitStatus: Int32 {
    case failed = 1
    case usage = 64
    case refusedData = 65
    case unavailable = 69
    case refusedCredentials = 77
}

/// Why a command ends without success, in words for the person at the keyboard.
struct CommandFailure: Error, Equatable {
    var status: ExitStatus
    var message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    /// Finds the words for what a command threw; nil for what is not Gondola's own.
    init?(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as ValidationError: self.init(.usage, error.message)
        case let error as InvalidSettings: self.init(.usage, error.description)
        case let error as PhoneClientError: self.init(phone: error)
        case let error as FeedClientError: self.init(phone: PhoneClientError(error))
        case let error as PostgresError: self.init(postgres: error)
        case let error as StoreError: self.init(store: error)
        case let error as Migrator.Failure: self.init(.failed, error.description)
        case let error as SetupError: self.init(.failed, error.description)
        default: return nil
        }
    }

    init(phone error: PhoneClientError) {
        switch error {
        case .problem(let problem, let retryAfter): self.init(problem, retryAfter: retryAfter)
        case .unreachable(let what, _):
            self.init(
                .unavailable, "the server cannot be reached: \(what). Does it run? Set --server or GONDOLA_SERVER.")
        case .unexpected(let what):
            self.init(.failed, "\(what). Is that address a gondola server of this version?")
        case .invalidServer(let what): self.init(.usage, what)
        case .file(let path, let what): self.init(.failed, path.isEmpty ? what : "\(path): \(what)")
        case .corrupted(let what): self.init(.failed, "the download is not the video that was promised: \(what)")
        }
    }

    private init(_ problem: Problem, retryAfter: TimeInterval?) {
        // Where every finding follows in a table, the detail would only say one of them twice.
        let parts = problem.errors == nil ? [problem.title, problem.detail ?? ""] : [problem.title]
        let said = parts.map { $0.trimmingCharacters(in: CharacterSet(charactersIn: ". ")) }.filter { !$0.isEmpty }
        let request = problem.requestID.map { ", request \($0)" } ?? ""
        let words = TextWidth.visible("\(said.joined(separator: ": ")) [\(problem.code)\(request)]")
        switch problem.status {
        case 401, 403:
            self.init(
                .refusedCredentials, "\(words). Set GONDOLA_TOKEN to a token that `gondola tokens issue` printed.")
        case 408, 429, 500...:
            let when = retryAfter.map { " Try again in \(Int($0.rounded(.up))) s." } ?? " Try again in a moment."
            self.init(.unavailable, words + "." + when)
        default:
            let table = problem.errors.map { "\n" + FindingTable.text($0) } ?? ""
            self.init(.refusedData, words + table)
        }
    }

    private init(postgres error: PostgresError) {
        switch error {
        case .unavailable(let message):
            self.init(
                .unavailable,
                "the database cannot be reached; check --database-url or DATABASE_URL, and that it runs: "
                    + message.trimmingCharacters(in: .whitespacesAndNewlines))
        case .refused(state: "42P01", _), .refused(state: "3F000", _):
            self.init(.failed, "the database has no tables of gondola yet, or old ones: run `gondola migrate`")
        case .busy, .constraint, .refused, .unexpectedRow: self.init(.failed, error.description)
        }
    }

    private init(store error: StoreError) {
        switch error {
        case .notFound: self.init(.refusedData, "there is no such thing; the `list` commands show what there is")
        case .nameTaken(let name): self.init(.refusedData, "the name \"\(name)\" is taken; choose another")
        case .leaseLost: self.init(.failed, "another process took the job over; look at it again")
        case .idempotencyConflict: self.init(.refusedData, "that key was used for something else; choose another")
        case .overBudget: self.init(.refusedData, "the budget has no room for it; see `gondola users list`")
        case .cursorExpired, .cursorOfOtherEpoch, .cursorAhead:
            self.init(.refusedData, "the cursor leads nowhere any more; start without one")
        case .underWay(let status): self.init(.refusedData, "the job is \(status.rawValue) and has to end first")
        case .suspended:
            self.init(.refusedData, "the user is suspended; `gondola users resume` lets them in again")
        case .erased: self.init(.refusedData, "the user's data is erased, and nothing brings it back")
        case .graceOver: self.init(.refusedData, "the time for bringing it back is over")
        }
    }
}
