import VideoModels

extension Connection {
    /// Which of these reservations go over a budget, with the error that their callers get; such steps are not written.
    ///
    /// Called once a batch, inside its transaction. Its jobs are locked, and so are the users whom they belong to; whatever is
    /// locked here comes after them in everybody's order.
    func refused(_ reservations: [Reservation]) throws(PostgresError) -> [JobID: any Error] { [:] }
}
