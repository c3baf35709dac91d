public import Foundation
public import VideoModels

extension VideoRequest {
    /// Reads a request that a person wrote down, in the JSON of the phone's API and as strictly as that reads it.
    ///
    /// - Throws: the problem that the server would answer: an unknown field, however deep, is a finding.
    public init(document: Data) throws(Problem) {
        guard document.count <= APIRequest.bodyLimit else {
            throw Problem.malformed("a request has at most \(APIRequest.bodyLimit) bytes")
        }
        self = try APIRequest.read(VideoRequest.self, from: document, keys: .videoRequest)
    }
}
