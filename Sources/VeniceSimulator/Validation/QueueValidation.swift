import Foundation

/// A queue body that the service accepts, with what follows from it.
struct AcceptedQueue: Hashable, Sendable {
    var model: VideoModel
    var family: ModelFamily
    var price: Pricing.Inputs
    var shape: VideoShape
    var hasConsent: Bool
}

/// Judges a queue body as strictly as the service: what a model does not take is refused, not ignored.
struct QueueValidation {
    let fields: [String: JSONValue]
    let model: VideoModel
    let family: ModelFamily
    var findings: [Finding] = []
    var pictureRatio: Double?
    /// Of `video_url`, in seconds, as far as it could be read.
    var sourceSeconds: Double?
    /// Of all reference videos together, as far as they could be read.
    var referenceSeconds = 0.0

    private init(_ fields: [String: JSONValue], _ model: VideoModel, _ family: ModelFamily) {
        self.fields = fields
        self.model = model
        self.family = family
    }

    /// Schema first, then the model, then everything about the two together.
    static func judge(_ body: JSONValue, _ catalogue: Catalogue) -> Result<AcceptedQueue, Refused> {
        guard let fields = body.object else {
            return .failure(Refused([.wrongType([], expected: "object", received: body)]))
        }
        guard fields["model"] != nil else { return .failure(Refused(.error(400, "Model is required"))) }
        let schema = QueueSchema.findings(in: fields)
        guard schema.isEmpty else { return .failure(Refused(schema)) }
        guard let (model, family) = fields["model"]?.string.flatMap({ catalogue[$0] }) else {
            return .failure(Refused(.unknownModel))
        }
        var validation = QueueValidation(fields, model, family)
        validation.checkEverything()
        guard validation.findings.isEmpty else { return .failure(Refused(validation.findings)) }
        return .success(validation.accepted)
    }

    struct Refused: Error {
        var answer: Answer
        init(_ answer: Answer) { self.answer = answer }
        init(_ findings: [Finding]) { answer = .refusal(findings) }
    }

    private mutating func checkEverything() {
        checkText()
        checkDuration()
        checkAspectRatio()
        checkResolution()
        checkSound()
        checkSourceMedia()
        checkReferences()
        checkElements()
        checkKeyframes()
        checkTypedReferences()
        checkCameraPath()
        checkSpecialFields()
    }

    // MARK: Text and shape

    private mutating func checkText() {
        demand(family.prompt, "prompt")
        for field in ["prompt", "negative_prompt"] {
            guard let text = fields[field]?.string, text.utf16.count > model.promptLimit else { continue }
            let message = "String must contain at most \(model.promptLimit) character(s)"
            findings.append(.schema("too_big", field, message: message))
        }
    }

    private mutating func checkDuration() {
        let duration = fields["duration"]?.string
        if family.kind == .upscale {
            demand(.forbidden, "duration")
        } else if model.followsSource {
            if let duration, QueueValidation.seconds(duration, upTo: 300) == nil {
                let message = "Must be omitted, or seconds as text up to 300, for example '12.5'"
                findings.append(.schema("custom", "duration", message: message))
            }
        } else if let duration {
            if family.matchesSourceDuration && ["-1", "auto"].contains(duration) {
                demandReferenceVideo("duration")
            } else if !model.durations.contains(duration) {
                findings.append(.oneOf(model.durations, "duration", received: duration))
            }
        } else {
            findings.append(.required("duration"))
        }
    }

    private mutating func checkAspectRatio() {
        guard let ratio = fields["aspect_ratio"]?.string else {
            if !model.aspectRatios.isEmpty { findings.append(.required("aspect_ratio")) }
            return
        }
        if model.aspectRatios.isEmpty {
            findings.append(.unsupported("aspect_ratio"))
        } else if family.matchesSourceRatio && ["adaptive", "auto"].contains(ratio) {
            demandReferenceVideo("aspect_ratio")
        } else if !model.aspectRatios.contains(ratio) {
            findings.append(.oneOf(model.aspectRatios, "aspect_ratio", received: ratio))
        }
    }

    private mutating func checkResolution() {
        if family.kind == .upscale {
            demand(.forbidden, "resolution")
            if let factor = fields["upscale_factor"]?.number, ![1, 2, 4].contains(factor) {
                findings.append(.oneOf(["1", "2", "4"], "upscale_factor", received: "\(Int(factor))"))
            }
            return
        }
        demand(.forbidden, "upscale_factor")
        guard let resolution = fields["resolution"]?.string else { return }
        if model.resolutions.isEmpty {
            findings.append(.unsupported("resolution"))
        } else if !model.resolutions.contains(resolution) {
            findings.append(.oneOf(model.resolutions, "resolution", received: resolution))
        }
    }

    private mutating func checkSound() {
        if !model.audioConfigurable { demand(.forbidden, "audio") }
        if !model.audioInput { demand(.forbidden, "audio_url") }
        check(fields["audio_url"], .audio, "audio_url")
        guard let url = fields["audio_url"]?.string else { return }
        let limits = ModelFamily.ClipLimits(seconds: family.soundtrack, bytes: 15_000_000, total: 30)
        checkClip(MediaMeasure(url), limits, "Audio", "audio_url")
    }

    mutating func demand(_ rule: ModelFamily.Rule, _ field: String) {
        switch rule {
        case .required where fields[field] == nil: findings.append(.required(field))
        case .forbidden where fields[field] != nil: findings.append(.unsupported(field))
        case .required, .forbidden, .optional: break
        }
    }

    mutating func demandReferenceVideo(_ field: String) {
        guard fields["reference_video_urls"] == nil else { return }
        findings.append(.schema("custom", field, message: "This value requires reference_video_urls"))
    }

    // MARK: What follows

    private var accepted: AcceptedQueue {
        let price = Self.priceInputs(
            fields, model, family, sourceSeconds: sourceSeconds, referenceSeconds: referenceSeconds)
        let ratio = fields["aspect_ratio"]?.string.flatMap(VideoShape.ratio) ?? pictureRatio
        let shape = VideoShape(
            resolution: price.resolution, ratio: ratio, seconds: min(price.seconds, Self.longestFile),
            sound: price.audio, upscaleFactor: family.kind == .upscale ? price.upscaleFactor : nil)
        return AcceptedQueue(
            model: model, family: family, price: price, shape: shape, hasConsent: fields["consents"] != nil)
    }

    /// No file is made longer than that, in seconds: sources may last minutes.
    static let longestFile = 60.0

    /// The same for quote and queue: what one quotes the other charges.
    static func priceInputs(
        _ fields: [String: JSONValue], _ model: VideoModel, _ family: ModelFamily, sourceSeconds: Double?,
        referenceSeconds: Double
    ) -> Pricing.Inputs {
        let said = fields["duration"]?.string.flatMap { seconds($0, upTo: 300) }
        let measured = model.followsSource ? sourceSeconds : nil
        let matched = referenceSeconds > 0 ? referenceSeconds : nil
        let isMatched = ["-1", "auto"].contains(fields["duration"]?.string)
        let resolution = fields["resolution"]?.string ?? defaultResolution(model)
        let audio = model.audioConfigurable ? fields["audio"]?.bool ?? true : model.audio
        return Pricing.Inputs(
            model: model.id,
            seconds: (isMatched ? matched : measured ?? said) ?? Pricing.sourceSeconds,
            resolution: model.resolutions.isEmpty || family.kind == .upscale ? nil : resolution,
            audio: audio, upscaleFactor: Int(fields["upscale_factor"]?.number ?? 2),
            referenceSeconds: referenceSeconds.rounded(.up))
    }

    /// The list is unordered, so its first entry means nothing; 720p where there is one.
    static func defaultResolution(_ model: VideoModel) -> String? {
        model.resolutions.contains("720p") ? "720p" : model.resolutions.min()
    }

    /// `5s` or `12.5`; nil for anything else and for what is too long.
    static func seconds(_ text: String, upTo limit: Double) -> Double? {
        let digits = text.hasSuffix("s") ? String(text.dropLast()) : text
        guard digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let value = Double(digits),
            value > 0, value <= limit
        else { return nil }
        return value
    }
}

extension Answer {
    static let unknownModel = Answer.error(404, "Specified model not found")
}
