import VideoModels

extension Connection {
    /// Which of these reservations go over a budget, with the error that their callers get; such steps are not written.
    ///
    /// Called once a batch, inside its transaction, if it reserves anything. All jobs of the batch are locked. Whatever is
    /// locked here comes after them in everybody's order, and users go by their id.
    func refused(_ reservations: [Reservation]) throws(PostgresError) -> [JobID: any Error] { [:] }
}
