public import Foundation
public import VideoModels

extension VideoRequest {
    /// The most bytes that a written request may have.
    public static let documentLimit = 256 << 10

    /// Reads a request that a person wrote down, in the JSON of the phone's API and as strictly as that reads it.
    ///
    /// - Throws: the problem that the server would answer: every unknown field and every value of the wrong type.
    public init(document: Data) throws(Problem) {
        guard document.count <= Self.documentLimit else {
            throw Problem.malformed("a request has at most \(Self.documentLimit) bytes")
        }
        let (request, strangers) = try APIRequest.read(VideoRequest.self, from: document, keys: .videoRequest)
        guard strangers.isEmpty else { throw Problem.invalid(strangers) }
        self = request
    }
}
