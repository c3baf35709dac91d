public import HTTPTransport
public import VideoModels

/// The body of a paid submission: exactly the fields that the model takes, none empty, none null.
///
/// The upstream refuses a body for one field too many (PROTOCOL §4), so what the model does not take stays out even if the
/// request names it; `VideoRequest.validate` is where a person learns of that.
public struct QueueRequest: Sendable, Hashable {
    /// What the body was made from; kept to make it again after a refusal.
    let source: Source
    private let body: RequestBody

    struct Source: Sendable, Hashable {
        var request: VideoRequest
        var model: VideoModel
        var assets: VeniceAssets
        var consent: Consent?
        var user: AnonymousUser?
    }

    /// - Parameters:
    ///   - consent: Only after a `consentNeeded`, with everything else as it was.
    ///   - user: Tells the upstream's abuse checks one end user from another.
    /// - Throws: `invalid` when an asset is missing, of a type or size that is not taken, or when the media are too large
    ///   for one request.
    public init(
        _ request: VideoRequest, model: VideoModel, assets: VeniceAssets = [:], consent: Consent? = nil,
        user: AnonymousUser? = nil
    ) throws(VeniceError) {
        try self.init(Source(request: request, model: model, assets: assets, consent: consent, user: user))
    }

    init(_ source: Source) throws(VeniceError) {
        var fields = RequestFields(source.request, source.model, source.assets)
        fields.addWords()
        fields.addChoices()
        fields.addSources()
        fields.addReferences()
        fields.addElements()
        fields.addTypedReferences()
        fields.addSpecialFields()
        fields.body.add("consents", source.consent?.body)
        fields.body.add("anon_user_id", source.user?.id)
        try fields.media.finish(.queue)
        self.source = source
        body = fields.body
    }

    public var model: String { source.model.id }
    /// The JSON, media as files to be read while it is sent.
    public var parts: [HTTPRequest.Part] { body.parts }
}

/// The body of a price question: what the price depends on, and nothing else.
public struct QuoteRequest: Sendable, Hashable {
    public let model: String
    private let body: RequestBody

    /// - Throws: `invalid` when an asset is missing, of a type or size that is not taken, or too large for one request.
    public init(_ request: VideoRequest, model: VideoModel, assets: VeniceAssets = [:]) throws(VeniceError) {
        var fields = RequestFields(request, model, assets)
        fields.addChoices()
        // The upstream reads the clip's length and size from it; other media have no part in the price but their number.
        fields.addVideo()
        fields.addReferenceFigures()
        try fields.media.finish(.quote)
        self.model = model.id
        body = fields.body
    }

    /// The JSON, media as files to be read while it is sent.
    public var parts: [HTTPRequest.Part] { body.parts }
}
