public import VideoModels

/// What came of comparing a copy with the server.
public struct FeedProof: Hashable, Sendable, Codable {
    /// Where both stood.
    public var sequence: Int64
    /// How many objects the copy holds.
    public var count: Int
    /// The digest of the copy.
    public var digest: String
    /// What differs: none for a copy that is proven.
    public var differences: [DigestCheck.Difference]
    /// How many questions it took.
    public var questions: Int
}

extension FeedClient {
    /// Catches up and compares the copy with the server's digest, object by object where it differs.
    ///
    /// Repair what it finds with `resynchronise()` and `catchUp()`. Throws at the first trouble.
    public mutating func check() async throws -> FeedProof {
        for _ in 1...Self.checkTries {
            try await catchUp()
            guard let through = copy.state.through else { break }
            var check = DigestCheck(try copy.versions(), through: through)
            if let questions = try await ask(&check, through) {
                return FeedProof(
                    sequence: through, count: check.digest.count, digest: check.digest.text,
                    differences: check.differences, questions: questions)
            }
        }
        throw FeedClientError.unexpected("the feed moves on faster than it can be compared")
    }

    private static var checkTries: Int { 20 }

    /// Asks to the end, and returns how often; nil where the server has moved on meanwhile.
    private func ask(_ check: inout DigestCheck, _ through: Int64) async throws -> Int? {
        var questions = 0
        while let prefix = check.next {
            var request = FeedRequest(
                path: "/v1/changes/digest", headers: ["accept": "application/json"], patience: .seconds(10))
            request.query["prefix"] = prefix.isEmpty ? nil : prefix
            // What is asked may be a copy of the database that is behind the one that answered with the pages.
            request.query["wait_for"] = "\(through)"
            let page = try await FeedAnswer.read(DigestPage.self, from: try await transport.send(request))
            questions += 1
            do { try check.take(page) } catch {
                switch error {
                case .moved: return nil
                case .malformed(let what): throw FeedClientError.unexpected(what)
                }
            }
        }
        return questions
    }
}
