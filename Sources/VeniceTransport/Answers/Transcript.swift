/// What is said in a video.
public struct Transcript: Sendable, Hashable {
    public var text: String
    /// A code such as `en`.
    public var language: String?

    /// An object with `transcript`, or text alone: the route answers either, whatever was asked for.
    init?(_ body: [UInt8]) {
        if let json = JSON(body), json.object != nil {
            guard let text = json["transcript"]?.text else { return nil }
            self.text = text
            language = json["lang", "language"]?.text
        } else {
            let text = String(decoding: body, as: UTF8.self)
            guard let first = text.first(where: { !$0.isWhitespace }), first != "<", first != "{" else { return nil }
            self.text = text
        }
    }
}
