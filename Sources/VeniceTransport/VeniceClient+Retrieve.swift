import Failpoints
import HTTPTransport
import VideoModels

extension VeniceClient {
    /// Looks how far a job is. A finished one may come along: `video` is the open answer itself.
    ///
    /// - Parameter deleteMedia: Removes the upstream's copy with this answer. Only for clean-up, once the video is safe.
    public func retrieve(
        model: String, queueID: String, deleteMedia: Bool = false
    ) async throws(VeniceError) -> RetrieveOutcome {
        var message = request(
            "POST", "/video/retrieve", parts: Self.handle(model, queueID, deleteMedia: deleteMedia), timeouts.retrieve)
        message.acceptsCompression = false
        message.headers["Accept"] = "video/mp4, application/json, */*;q=0.5"
        let response = try await open(.retrieve, message)
        let (kind, beginning) = try await Self.look(.retrieve, response)
        switch kind {
        case .video(let contentType):
            return .video(Self.stream(response, beginning, contentType))
        case .json:
            let answer = try await Self.readRest(.retrieve, response, beginning)
            return try read(answer)
        case .markup, .empty:
            let words = ErrorBody(beginning).message
            let evidence = Self.evidence(.retrieve, response, words.isEmpty ? "an empty answer" : words)
            throw .retryLater(after: nil, mayBeFinal: false, evidence)
        case .unknown:
            throw .unexpectedAnswer(Self.evidence(.retrieve, response, "neither a video nor JSON"))
        }
    }

    private func read(_ answer: Answer) throws(VeniceError) -> RetrieveOutcome {
        let (json, status) = try answer.read { json in json["status"]?.text.map { (json, $0) } }
        switch RenderStatus(status) {
        case .underWay: return .processing(RenderTimings(json, status: status))
        case .failed: return .failed(status: status, ErrorBody(answer.body).notes)
        case .finished:
            let link = json["download_url", "downloadUrl", "video_url", "videoUrl", "url"]?.text
            return .completed(inlineURL: link.flatMap { downloadHosts.allows($0) ? Redacted($0) : nil })
        }
    }
}

extension VeniceClient {
    /// Reads just enough of a body to tell what it is.
    static func look(
        _ endpoint: VeniceEndpoint, _ response: HTTPResponse, link: LinkSecret? = nil
    ) async throws(VeniceError) -> (ContentKind, [UInt8]) {
        var beginning: [UInt8] = []
        do throws(HTTPClientError) {
            var chunks = response.body.makeAsyncIterator()
            while beginning.count < ContentKind.bytesNeeded, let chunk = try await chunks.next() { beginning += chunk }
        } catch {
            let headers = AnswerHeaders(response.headers)
            throw VeniceError(endpoint, error, status: response.status, headers: headers, link: link)
        }
        return (ContentKind(beginning, declared: response.headers["Content-Type"]), beginning)
    }

    private static func readRest(
        _ endpoint: VeniceEndpoint, _ response: HTTPResponse, _ beginning: [UInt8]
    ) async throws(VeniceError) -> Answer {
        let headers = AnswerHeaders(response.headers)
        do throws(HTTPClientError) {
            let rest = try await response.body.collect(upTo: max(0, answerLimit - beginning.count))
            Failpoint.reach(.body, of: endpoint.rawValue)
            return Answer(endpoint: endpoint, status: response.status, headers: headers, body: beginning + rest)
        } catch {
            throw VeniceError(endpoint, error, status: response.status, headers: headers)
        }
    }

    /// - Parameter rest: Stands in for the rest of the answer's own body.
    static func stream(
        _ response: HTTPResponse, _ beginning: [UInt8], _ contentType: String, rest: HTTPResponseBody? = nil
    ) -> VideoStream {
        VideoStream(
            contentType: contentType, announcedLength: response.announcedLength, isEndMarked: response.isEndMarked,
            body: VideoBytes(beginning: beginning, rest: rest ?? response.body))
    }

    static func evidence(
        _ endpoint: VeniceEndpoint, _ response: HTTPResponse, _ message: String, link: LinkSecret? = nil
    ) -> VeniceEvidence {
        VeniceEvidence(
            endpoint: endpoint, status: response.status, headers: AnswerHeaders(response.headers), message: message,
            link: link)
    }
}
