extension VideoRequest {
    /// Everything that the model would refuse, at once; empty if the request is good.
    ///
    /// Phone and server run the same check against the same published capabilities. It cannot know what the upstream
    /// does not publish (combinations, sizes of pictures), so an accepted request may still be refused later, unpaid.
    /// What is open is let through, never refused. At most 100 findings.
    public func validate(against model: VideoModel) -> [Finding] {
        var check = RequestCheck(self, model)
        check.run()
        return check.findings
    }

    /// The same, and what the uploaded files themselves tell: one that is missing, of the wrong kind or too large.
    ///
    /// - Parameter assets: what is known of each asset that the request names.
    public func validate(against model: VideoModel, assets: [AssetID: Asset]) -> [Finding] {
        var check = RequestCheck(self, model)
        check.run()
        check.checkAssets(assets)
        return check.findings
    }
}

/// Goes through a request field by field and collects what is wrong with it.
struct RequestCheck {
    let request: VideoRequest
    let model: VideoModel
    private(set) var findings: [Finding] = []
    /// A choice that takes its value from the reference clips, so that there must be some.
    var followsReferenceVideos = false

    /// More do not help a person, and a hostile request could bring thousands.
    static let mostFindings = 100

    init(_ request: VideoRequest, _ model: VideoModel) {
        self.request = request
        self.model = model
    }

    mutating func run() {
        checkModel()
        checkText()
        checkWords()
        for field in Self.fields where isGiven(field) { checkList(field) }
        checkElements()
        checkKeyframes()
        checkTypedReferences()
        checkCameraPath()
        checkReferences()
        checkAddresses()
    }

    mutating func add(
        _ field: String, _ code: Finding.Code, _ message: String, given: String? = nil, allowed: [String]? = nil
    ) {
        guard findings.count < Self.mostFindings else { return }
        findings.append(Finding(field: field, code: code, message: message, given: given, allowed: allowed))
    }

    mutating func add(
        _ field: VideoRequest.Field, _ code: Finding.Code, _ message: String, given: String? = nil,
        allowed: [String]? = nil
    ) {
        add(field.rawValue, code, message, given: given, allowed: allowed)
    }

    private mutating func checkModel() {
        if request.model != model.id {
            add(.model, .unknownModel, "the request names another model", given: request.model, allowed: [model.id])
        }
        if model.isOffline {
            add(.model, .modelUnavailable, "\(model.id) is offline at the moment", given: request.model)
        }
    }

    /// The fields that `checkText` and `checkWords` leave.
    private static let fields: [VideoRequest.Field] = [
        .image, .endImage, .audioTrack, .video, .referenceImages, .referenceVideos, .referenceVideoSeconds,
        .referenceAudios, .referenceDocuments, .elements, .sceneImages, .keyframes, .imageReferences,
        .videoReferences, .cameraPath,
    ]

    /// Whether the request has the field and the model takes it. If one of the two is wrong it is a finding.
    mutating func isGiven(_ field: VideoRequest.Field) -> Bool {
        guard request.has(field) else {
            if model[field]?.isRequired == true { add(field, .required, "this model needs \(field.rawValue)") }
            return false
        }
        if !model.takes(field) {
            add(field, .notSupported, "this model takes no \(field.rawValue)", given: request.given(field))
        }
        return model.takes(field)
    }

    /// How many entries there are, and what else is given.
    private mutating func checkList(_ field: VideoRequest.Field) {
        guard let input = model[field] else { return }
        let others = Self.fields(named: input.alsoCounts)
        let count = others.reduce(request.count(of: field)) { $0 + request.count(of: $1) }
        if let most = input.most, count > most {
            let with = others.isEmpty ? "" : ", together with \(others.map(\.rawValue).joined(separator: ", "))"
            add(field, .tooMany, "\(count) are too many, the model takes \(most)\(with)", given: "\(count)")
        }
        if let least = input.least, count < least {
            add(field, .tooFew, "\(count) are too few, the model takes at least \(least)", given: "\(count)")
        }
        let strangers = Self.fields(named: input.excludes).filter(request.has)
        if !strangers.isEmpty {
            let names = strangers.map(\.rawValue).joined(separator: ", ")
            add(field, .conflict, "this model takes no \(field.rawValue) next to \(names)")
        }
    }

    private static func fields(named names: [String]?) -> [VideoRequest.Field] {
        (names ?? []).compactMap { VideoRequest.Field(rawValue: $0) }
    }
}

extension ModelInput {
    var isRequired: Bool { need == .known(.required) }
}
