import Failpoints
import HTTPTransport
public import VideoModels

extension VeniceClient {
    /// Opens the file behind a `download_url` (PROTOCOL §6). The link is the credential: nothing of the account goes with
    /// it, and no redirect is followed. Ask only once the job is reported as completed.
    ///
    /// A transfer that breaks goes on by itself where the server can prove that the rest belongs to the same file, a few
    /// times as `downloadPolicy` says; the reader sees one continuous body. Where it cannot, the body throws what broke it
    /// and the whole download is to be asked for again.
    ///
    /// - Throws: `operatorMustAct` when the link points to a host that is not allowed; nothing is sent then. `gone` when
    ///   there is no such file, or no longer.
    public func download(_ link: Redacted<String>) async throws(VeniceError) -> VideoStream {
        let request = try downloadRequest(link)
        let response = try await openDownload(request)
        let secret = LinkSecret(request)
        let (kind, beginning) = try await Self.look(.download, response, link: secret)
        guard case .video(let contentType) = kind else {
            let evidence = Self.evidence(.download, response, "not a video", link: secret)
            if kind == .unknown { throw .unexpectedAnswer(evidence) }
            throw .retryLater(after: nil, mayBeFinal: false, evidence)
        }
        let plan = DownloadPlan(
            FileIdentity(response.headers, length: response.announcedLength), received: beginning.count,
            policy: downloadPolicy)
        let download = ResumingDownload(plan, response.body, request: request, http: http, clock: clock, now: now)
        return Self.stream(response, beginning, contentType, rest: download.body)
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

    private func downloadRequest(_ link: Redacted<String>) throws(VeniceError) -> HTTPRequest {
        var request = try linkRequest(.download, "GET", link, timeouts.download)
        request.acceptsCompression = false
        return request
    }

    /// The answer, if it is the whole file.
    private func openDownload(_ request: HTTPRequest) async throws(VeniceError) -> HTTPResponse {
        let link = LinkSecret(request)
        let response: HTTPResponse
        Failpoint.downloadSending.reach()
        do throws(HTTPClientError) { response = try await http.send(request) } catch {
            throw VeniceError(.download, error, link: link)
        }
        Failpoint.downloadHead.reach()
        let headers = Self.headers(response, link)
        observer?(.download, response.status, headers)
        switch response.status {
        case 200, 203: return response
        case 200..<300:
            let words = "a part of a file that nobody asked for"
            throw .unexpectedAnswer(Self.evidence(.download, response, words, link: link))
        case 300..<400:
            let words = Self.redirect(to: response.headers["Location"])
            throw .unexpectedAnswer(Self.evidence(.download, response, words, link: link))
        default:
            let body = (try? await response.body.collect(upTo: Self.answerLimit)) ?? []
            let error = VeniceError(
                .download, status: response.status, headers: headers, body: body, now: now(), link: link)
            // Fetched too often: coming back soon would make it worse (PROTOCOL §6).
            if case .throttled(nil, let evidence) = error { throw .throttled(retryAfter: .seconds(60), evidence) }
            throw error
        }
    }

    /// Names the host alone: the rest may open the same file.
    private static func redirect(to location: String?) -> String {
        let parts = location?.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false) ?? []
        // Whoever connects is lenient, and would take a path after one slash or three for a host.
        guard parts.count == 2, ["", "http:", "https:"].contains(parts[0].lowercased()), !parts[1].hasPrefix("/"),
            let host = try? HTTPURL("https://" + parts[1]).host
        else { return "a redirect, which is not followed" }
        return "a redirect to \(host), which is not followed"
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
}
