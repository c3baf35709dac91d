extension VideoModel {
    /// Learns from what the upstream found wrong with a request that fitted this model as we knew it.
    ///
    /// Lists, caps and the limit of the prompt become those that a finding names; a field that the model turned out not
    /// to take goes, and one that it turned out to need becomes required. What a finding says of one request's media,
    /// or of how its fields go together, says nothing of the model and is passed over, and so is everything that cannot
    /// be a model's limit. What is learned is bounded by the number of fields and is the same however often a finding
    /// comes.
    ///
    /// - Parameter findings: of the upstream's 400, under the names of `VideoRequest`.
    /// - Returns: whether anything changed.
    public mutating func repair(from findings: [Finding]) -> Bool {
        let before = self
        for finding in findings { learn(from: finding) }
        return self != before
    }

    /// Whether the upstream's listing itself says how the model takes the field, so that a newer listing knows better
    /// than what was learned before.
    public static func isListed(_ finding: Finding) -> Bool {
        switch VideoRequest.Field(rawValue: finding.field) {
        case .duration, .resolution, .aspectRatio, .audio, .audioTrack, .video: true
        case .prompt: finding.code != .known(.required) && finding.code != .known(.notSupported)
        default: false
        }
    }

    private mutating func learn(from finding: Finding) {
        // A path into a list speaks of one entry, not of the field.
        guard let field = VideoRequest.Field(rawValue: finding.field), field != .model else { return }
        switch finding.code {
        case .known(.notAllowed): learn(finding.allowed ?? [], of: field)
        case .known(.required) where finding.isUnconditional:
            require(field)
            learn(finding.allowed ?? [], of: field)
        case .known(.notSupported) where finding.speaksOfModel && finding.isUnconditional: drop(field)
        case .known(.tooMany) where finding.isUnconditional, .known(.tooLong) where finding.isUnconditional:
            cap(field, at: finding.limit)
        default: break
        }
    }

    private mutating func learn(_ words: [String], of field: VideoRequest.Field) {
        guard (1...Self.mostWords).contains(words.count), Set(words).count == words.count,
            words.allSatisfy({ (1...32).contains($0.utf8.count) })
        else { return }
        switch field {
        case .duration: durations = words
        case .resolution: resolutions = words
        case .aspectRatio: aspectRatios = words
        case .upscaleFactor, .bitrate, .referenceTask: inputs[field.rawValue]?.options = words
        default: break
        }
    }

    private mutating func require(_ field: VideoRequest.Field) {
        switch field {
        case .audio: sound = .known(.optional)
        // Needed beside reference clips alone, which the check knows.
        case .referenceVideoSeconds: break
        case .duration where !durations.isEmpty && !followsSourceLength: break
        case .resolution where !resolutions.isEmpty && !isUpscaler: break
        case .aspectRatio where !aspectRatios.isEmpty: break
        default:
            inputs[field.rawValue, default: ModelInput()].need = .known(.required)
            if field == .referenceVideos { inputs[VideoRequest.Field.referenceVideoSeconds.rawValue] = ModelInput() }
        }
    }

    private mutating func drop(_ field: VideoRequest.Field) {
        switch field {
        case .duration: if !followsSourceLength { durations = [] }
        case .resolution: resolutions = []
        case .aspectRatio: aspectRatios = []
        // Whether the result is silent or never so, the refusal does not say; in both cases `audio` stays out.
        case .audio: if sound == .known(.optional) { sound = .known(.always) }
        default: break
        }
        // What the model cannot do without is not its to refuse: such an answer is about something else.
        if self[field]?.isRequired != true { inputs[field.rawValue] = nil }
    }

    private mutating func cap(_ field: VideoRequest.Field, at limit: Int?) {
        guard let limit, limit > 0 else { return }
        switch field {
        // The listing has one limit for both prompts; what it is for the negative one says nothing of the other.
        case .prompt: promptCharacterLimit = limit
        case .referenceImages, .referenceVideos, .referenceAudios, .referenceDocuments, .elements, .sceneImages,
            .keyframes, .imageReferences, .videoReferences, .cameraPath:
            if limit <= Self.mostEntries { inputs[field.rawValue]?.most = limit }
        default: break
        }
    }

    /// More words or entries than any model has.
    private static let mostWords = 64
    private static let mostEntries = 1000
}

extension Finding {
    /// The words of the upstream when it refuses a field as such; the same code comes for a file in a strange format.
    fileprivate var speaksOfModel: Bool {
        let text = message.lowercased()
        return text.contains("model") || text.contains("does not support") || text.contains("unrecognized")
    }

    /// Not "at least one picture is required" or "not supported with references": those speak of this request.
    fileprivate var isUnconditional: Bool {
        let text = message.lowercased()
        let words = text.split { !$0.isLetter }.map(String.init)
        return Self.conditions.isDisjoint(with: words)
            && !["at least", "next to", "combin", "format"].contains { text.contains($0) }
    }

    /// A sentence with one of these speaks of several fields, or of some requests only.
    private static let conditions: Set = [
        "with", "without", "alongside", "together", "when", "whenever", "while", "unless", "either", "or", "and", "if",
        "only",
    ]

    /// The one number that is allowed, or that in `… at most 4 element(s)` and `expected array to have <=4 items`.
    fileprivate var limit: Int? {
        if let allowed, allowed.count == 1, let limit = Int(allowed[0]) { return limit }
        let start = ["at most ", "<="].lazy.compactMap { message.firstRange(of: $0)?.upperBound }.first
        return start.flatMap { Int(message[$0...].prefix { $0.isASCII && $0.isNumber }.prefix(9)) }
    }
}
