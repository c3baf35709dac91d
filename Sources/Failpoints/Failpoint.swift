/// A step of a job's way at which a test may end or stop the process.
///
/// The list is what the crash matrix goes through, so a step that is not in it is not tested: name the durable step, not
/// the line of code. Compiled in for debug builds alone; in a release `reach()` is empty and nothing of this is left.
public enum Failpoint: CaseIterable, Hashable, Sendable {
    // A worker's round.
    case claimWanted
    case claimMade
    /// What an action came to is known, and stands nowhere yet.
    case stepDecided
    /// The step is durable; what follows it (the journal's file, a notification) is not done.
    case stepWritten
    case renewalWanted
    case renewalMade
    case givingBack
    case gaveBack
    case notificationWanted
    case notificationSent

    // Every transaction, whatever it writes.
    case transactionBegun
    case transactionWritten
    case transactionCommitted

    // What goes upstream: before it is sent, once the answer's head is here, once its body is. That a request was sent and
    // nothing came back yet is for the upstream's double to hold.
    case quoteSending
    case quoteHead
    case quoteBody
    case queueSending
    case queueHead
    case queueBody
    case retrieveSending
    case retrieveHead
    case retrieveBody
    case downloadSending
    case downloadHead
    case revocationSending
    case revocationHead
    case removalWanted
    case removalDone

    // The answer journal.
    case journalMade
    case journalReserved
    case journalHeaded
    case journalSynced
    case journalReady
    case journalAnswering
    case journalWritten
    case journalDurable
    case journalSettling
    case journalSettled
    /// An answer of an earlier process, found at the start; then known to the database.
    case replayFound
    case replayBrought
    /// An answer whose job another worker has taken meanwhile.
    case lateAnswerFound

    // The video's file.
    case stageMade
    case stageWritten
    case stageSynced
    case videoChecked
    case folderMade
    case objectNaming
    case objectNamed
    case objectDurable

    // A backup, and a restore.
    case backupDumped
    case backupCopied
    case backupDescribed
    case backupNamed
    case backupPruned
    case restoreCopied
    case restoreWritten
}

extension Failpoint {
    /// Those that no job comes to.
    public static let ofBackups: [Failpoint] = [
        .backupDumped, .backupCopied, .backupDescribed, .backupNamed, .backupPruned, .restoreCopied, .restoreWritten,
    ]
    public static let ofJobs = allCases.filter { !ofBackups.contains($0) }
}

/// How far an exchange with the upstream has come.
public enum ExchangePhase: Hashable, Sendable { case sending, head, body }

#if !FAILPOINTS
    extension Failpoint {
        @inlinable @inline(__always) public func reach() {}
        @inlinable @inline(__always) public static func reach(before command: String) {}
        @inlinable @inline(__always) public static func reach(after command: String) {}
        @inlinable @inline(__always) public static func reach(statement: @autoclosure () -> String) {}
        @inlinable @inline(__always)
        public static func reach(_ phase: ExchangePhase, of endpoint: @autoclosure () -> String) {}
        /// Ends the process when the environment names a failpoint that does not exist.
        @inlinable @inline(__always) public static func checkEnvironment() {}
    }
#endif
