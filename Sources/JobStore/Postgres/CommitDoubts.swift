import CLibpq

/// Listens for the one warning of a server that is as bad as an error.
///
/// With synchronous replication a commit waits for a standby. Where an operator ends that wait (no time limit of the server
/// does), the server answers that the commit succeeded, and only a warning tells that the loss of this server would undo it.
/// Its text is translated and it has no SQLSTATE of its own; the function of the server that gives it tells it apart.
final class CommitDoubts {
    private var isDoubtful = false

    /// Takes every notice of the connection; the others say nothing that we need. Must live as long as it.
    func watch(_ connection: OpaquePointer) {
        let receive: PQnoticeReceiver = { context, notice in
            guard let context, let notice else { return }
            let function = PQresultErrorField(notice, Int32(UInt8(ascii: "R"))).map { String(cString: $0) }
            guard function == "SyncRepWaitForLSN" else { return }
            Unmanaged<CommitDoubts>.fromOpaque(context).takeUnretainedValue().isDoubtful = true
        }
        _ = PQsetNoticeReceiver(connection, receive, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Whether a commit since the last call is not on a standby.
    func take() -> Bool {
        defer { isDoubtful = false }
        return isDoubtful
    }
}
