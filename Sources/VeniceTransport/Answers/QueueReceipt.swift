public import HTTPTransport
public import VideoModels

/// The answer to a paid submission as it came, before anyone read it.
public struct QueueAnswer: Sendable {
    public let status: Int
    public let headers: HTTPHeaders
    public let body: [UInt8]
    /// False when the connection ended first; what is here may still hold the id.
    public let isWhole: Bool

    public init(status: Int, headers: HTTPHeaders, body: [UInt8], isWhole: Bool = true) {
        self.status = status
        self.headers = headers
        self.body = body
        self.isWhole = isWhole
    }
}

extension QueueAnswer: CustomStringConvertible, CustomReflectable {
    /// Without the body, which may hold a signed link.
    public var description: String { "status \(status), \(body.count) bytes" + (isWhole ? "" : ", not whole") }
    public var customMirror: Mirror { Mirror(self, children: ["answer": description]) }
}

/// The only handle on a paid job: the upstream can neither list jobs nor look one up.
public struct QueueReceipt: Sendable, Hashable {
    /// What every later call must name. The upstream's word, which differs from what was asked for after a remapping.
    public let model: String
    public let queueID: String
    /// Where a private model delivers. Given here and never again.
    public let downloadURL: Redacted<String>?
    /// The body it was read from; holds `downloadURL` in the clear.
    public let raw: Redacted<[UInt8]>
    /// Why the journal could not take the answer, if it could not. The receipt is good all the same.
    public internal(set) var journalFailure: String?

    /// Reads the body of a queue answer, for example one found in a journal. Nil when it names no job.
    ///
    /// - Parameter requestedModel: Stands in where the answer names no model.
    public init?(body: [UInt8], requestedModel: String) {
        guard let json = JSON(body), let id = json["queue_id", "queueid", "queueId", "id"]?.text,
            !id.allSatisfy(\.isWhitespace)
        else { return nil }
        queueID = id
        model = json["model"]?.text ?? requestedModel
        downloadURL = json["download_url", "downloadUrl"]?.text.map { Redacted($0) }
        raw = Redacted(body)
    }
}
