import HTTPTransport
import VideoModels

extension VeniceClient {
    /// What is said in a video behind a public address.
    ///
    /// Several sources declare the route, and the newest says that every call is answered with 410 (PROTOCOL §8).
    ///
    /// - Throws: `gone` when the route is retired; `evidence.headers?.deprecation.successor` names what took its place.
    @available(*, deprecated, message: "retired upstream; ask a chat model with a video_url part instead")
    public func transcription(of url: String) async throws(VeniceError) -> Transcript {
        var body = RequestBody()
        body.add("url", url)
        body.add("response_format", "json")
        let answer = try await call(.transcriptions, "POST", "/video/transcriptions", parts: body.parts)
        guard let transcript = Transcript(answer.body) else {
            throw .unexpectedAnswer(VeniceEvidence(answer, "neither a transcript nor text"))
        }
        return transcript
    }
}
