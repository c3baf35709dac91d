/// The names of metadata in log lines: one thing, one name.
enum LogKey {
    static let account = "account"
    static let action = "action"
    static let address = "address"
    static let attempt = "attempt"
    static let delay = "delay_s"
    static let error = "error"
    static let jobID = "job_id"
    static let model = "model"
    static let path = "path"
    static let requestID = "request_id"
    static let state = "state"
    static let status = "status"
    static let userID = "user_id"
    static let videoID = "video_id"
}
