import HTTPTransport
public import VideoModels

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

    /// Opens the file behind a `download_url`. The link is the credential: nothing of the account goes with it, and no
    /// redirect is followed. Ask only once the job is reported as completed.
    ///
    /// - Throws: `operatorMustAct` when the link points to a host that is not allowed; nothing is sent then.
    public func download(_ link: Redacted<String>) async throws(VeniceError) -> VideoStream {
        var message = try linkRequest(.download, "GET", link, timeouts.download)
        message.acceptsCompression = false
        let response = try await open(.download, message)
        let (kind, beginning) = try await Self.look(.download, response)
        guard case .video(let contentType) = kind else {
            let evidence = Self.evidence(.download, response, "not a video")
            if kind == .unknown { throw .unexpectedAnswer(evidence) }
            throw .retryLater(after: nil, mayBeFinal: false, evidence)
        }
        return Self.stream(response, beginning, contentType)
    }

    /// Revokes a `download_url`. One that is gone already counts as revoked.
    public func deleteDownload(_ link: Redacted<String>) async throws(VeniceError) {
        do throws(VeniceError) {
            let response = try await open(.deleteDownload, linkRequest(.deleteDownload, "DELETE", link, timeouts.call))
            response.body.close()
        } catch {
            if case .gone = error { return }
            throw error
        }
    }

    private func linkRequest(
        _ endpoint: VeniceEndpoint, _ method: String, _ link: Redacted<String>, _ timeouts: HTTPTimeouts
    ) throws(VeniceError) -> HTTPRequest {
        guard downloadHosts.allows(link.reveal()) else {
            let host = (try? HTTPURL(link.reveal()))?.origin ?? "‹unreadable›"
            let message = "the link points to \(host.replacing("://", with: " ")), which is not among the allowed hosts"
            throw .operatorMustAct(VeniceEvidence(endpoint: endpoint, message: message))
        }
        var request = HTTPRequest(method, link.reveal(), timeouts: timeouts)
        request.isURLSecret = true
        return request
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
    private static func look(
        _ endpoint: VeniceEndpoint, _ response: HTTPResponse
    ) async throws(VeniceError) -> (ContentKind, [UInt8]) {
        var beginning: [UInt8] = []
        do throws(HTTPClientError) {
            var chunks = response.body.makeAsyncIterator()
            while beginning.count < ContentKind.bytesNeeded, let chunk = try await chunks.next() { beginning += chunk }
        } catch {
            throw VeniceError(endpoint, error, status: response.status, headers: AnswerHeaders(response.headers))
        }
        return (ContentKind(beginning, declared: response.headers["Content-Type"]), beginning)
    }

    private static func readRest(
        _ endpoint: VeniceEndpoint, _ response: HTTPResponse, _ beginning: [UInt8]
    ) async throws(VeniceError) -> Answer {
        let headers = AnswerHeaders(response.headers)
        do throws(HTTPClientError) {
            let rest = try await response.body.collect(upTo: max(0, answerLimit - beginning.count))
            return Answer(endpoint: endpoint, status: response.status, headers: headers, body: beginning + rest)
        } catch {
            throw VeniceError(endpoint, error, status: response.status, headers: headers)
        }
    }

    private static func stream(_ response: HTTPResponse, _ beginning: [UInt8], _ contentType: String) -> VideoStream {
        VideoStream(
            contentType: contentType, announcedLength: response.announcedLength,
            body: VideoBytes(beginning: beginning, rest: response.body))
    }

    private static func evidence(
        _ endpoint: VeniceEndpoint, _ response: HTTPResponse, _ message: String
    ) -> VeniceEvidence {
        VeniceEvidence(
            endpoint: endpoint, status: response.status, headers: AnswerHeaders(response.headers), message: message)
    }
}
