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
    private let fields: [String: JSONValue]
    private let model: VideoModel
    private let family: ModelFamily
    private var findings: [Finding] = []
    private var pictureRatio: Double?

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
    }

    // MARK: Media

    private mutating func checkSourceMedia() {
        demand(family.imageURL, "image_url")
        demand(family.endImageURL, "end_image_url")
        demand(family.videoURL, "video_url")
        check(fields["image_url"], .startImage, "image_url")
        check(fields["end_image_url"], .startImage, "end_image_url")
        check(fields["video_url"], .video, "video_url")
    }

    private mutating func checkReferences() {
        let caps = family.references
        checkList("reference_image_urls", cap: caps.images, .referenceImage)
        checkList("reference_video_urls", cap: caps.videos, .video)
        checkList("reference_audio_urls", cap: caps.audios, .audio)
        checkList("reference_document_urls", cap: caps.documents, .document)
        let visual = ["reference_image_urls", "reference_video_urls"].contains { fields[$0] != nil }
        if fields["reference_audio_urls"] != nil && !visual {
            let message = "reference_audio_urls requires at least one reference image or reference video"
            findings.append(.schema("custom", "reference_audio_urls", message: message))
        }
        let inputs = ["image_url", "elements", "scene_image_urls", "reference_document_urls"]
        if family.kind == .reference && !visual && !inputs.contains(where: { fields[$0] != nil }) {
            let message = "At least one visual reference is required"
            findings.append(.schema("custom", "reference_image_urls", message: message))
        }
    }

    private mutating func checkList(_ field: String, cap: Int, _ kind: MediaCheck.Kind) {
        guard let urls = fields[field]?.array else { return }
        guard cap > 0 else { return findings.append(.unsupported(field)) }
        if urls.count > cap {
            findings.append(.schema("too_big", field, message: "Array must contain at most \(cap) element(s)"))
        }
        for (index, url) in urls.enumerated() { check(url, kind, field, "\(index)") }
    }

    private mutating func checkElements() {
        guard family.elements else {
            demand(.forbidden, "elements")
            return demand(.forbidden, "scene_image_urls")
        }
        checkList("scene_image_urls", cap: 4, .referenceImage)
        for (index, element) in (fields["elements"]?.array ?? []).enumerated() {
            if element["frontal_image_url"] == nil && element["video_url"] == nil {
                let message = "Each element needs frontal_image_url or video_url"
                findings.append(.schema("custom", "elements", "\(index)", message: message))
            }
            check(element["frontal_image_url"], .referenceImage, "elements", "\(index)", "frontal_image_url")
            check(element["video_url"], .video, "elements", "\(index)", "video_url")
            for url in element["reference_image_urls"]?.array ?? [] {
                check(url, .referenceImage, "elements", "\(index)", "reference_image_urls")
            }
        }
    }

    private mutating func checkKeyframes() {
        guard family.keyframes else { return demand(.forbidden, "keyframes") }
        let last = (fields["duration"]?.string.flatMap { Self.seconds($0, upTo: 300) } ?? 300) * 24
        var seen: Set<Double> = []
        for (index, frame) in (fields["keyframes"]?.array ?? []).enumerated() {
            check(frame["image_url"], .referenceImage, "keyframes", "\(index)", "image_url")
            guard let position = frame["frame_index"]?.number else { continue }
            if position > last || !seen.insert(position).inserted {
                let message = "frame_index must be unique and at most duration × 24"
                findings.append(.schema("custom", "keyframes", "\(index)", "frame_index", message: message))
            }
        }
    }

    // MARK: The rest

    private mutating func checkSpecialFields() {
        // No model of the catalogue takes these: the camera path and typed references belong to later ids.
        for field in ["camera_trajectory", "image_references", "voice_id"] { demand(.forbidden, field) }
        if !model.perReferenceAudio { demand(.forbidden, "video_references") }
        if !family.bitrateMode { demand(.forbidden, "bitrate_mode") }
        if family.matchesSourceDuration {
            if let task = fields["omni_reference_task_type"]?.string, task.hasPrefix("e") {
                demandReferenceVideo("omni_reference_task_type")
            }
        } else {
            demand(.forbidden, "omni_reference_task_type")
        }
        if let user = fields["anon_user_id"]?.string,
            user.contains("||") || !user.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        {
            findings.append(.schema("custom", "anon_user_id", message: "Printable ASCII without '||' expected"))
        }
        for (key, value) in fields["consents"]?["seedance"]?.object ?? [:] where value != true {
            findings.append(.schema("invalid_literal", "consents", "seedance", key, message: "Expected true"))
        }
    }

    private mutating func demand(_ rule: ModelFamily.Rule, _ field: String) {
        switch rule {
        case .required where fields[field] == nil: findings.append(.required(field))
        case .forbidden where fields[field] != nil: findings.append(.unsupported(field))
        case .required, .forbidden, .optional: break
        }
    }

    private mutating func demandReferenceVideo(_ field: String) {
        guard fields["reference_video_urls"] == nil else { return }
        findings.append(.schema("custom", field, message: "This value requires reference_video_urls"))
    }

    private mutating func check(_ value: JSONValue?, _ kind: MediaCheck.Kind, _ path: String...) {
        guard let url = value?.string else { return }
        let bounds = kind == .referenceImage ? model.referenceRatio : nil
        switch MediaCheck.look(at: url, as: kind, ratio: bounds, otherPictures: family.otherPictures) {
        case .fine(let ratio): if kind == .startImage && pictureRatio == nil { pictureRatio = ratio }
        case .unusable(let why): findings.append(Finding(kind: .media, path: path, message: why))
        case .outOfBounds(let why): findings.append(Finding(kind: .outOfBounds, path: path, message: why))
        }
    }

    // MARK: What follows

    private var accepted: AcceptedQueue {
        let price = Self.priceInputs(fields, model, family)
        let ratio = fields["aspect_ratio"]?.string.flatMap(VideoShape.ratio) ?? pictureRatio
        let shape = VideoShape(
            resolution: price.resolution, ratio: ratio, seconds: price.seconds, sound: price.audio,
            upscaleFactor: family.kind == .upscale ? price.upscaleFactor : nil)
        return AcceptedQueue(
            model: model, family: family, price: price, shape: shape, hasConsent: fields["consents"] != nil)
    }

    /// The same for quote and queue: what one quotes the other charges.
    static func priceInputs(
        _ fields: [String: JSONValue], _ model: VideoModel, _ family: ModelFamily
    ) -> Pricing.Inputs {
        let resolution = fields["resolution"]?.string ?? defaultResolution(model)
        let audio = model.audioConfigurable ? fields["audio"]?.bool ?? true : model.audio
        return Pricing.Inputs(
            model: model.id,
            seconds: fields["duration"]?.string.flatMap { seconds($0, upTo: 300) } ?? Pricing.sourceSeconds,
            resolution: model.resolutions.isEmpty || family.kind == .upscale ? nil : resolution,
            audio: audio, upscaleFactor: Int(fields["upscale_factor"]?.number ?? 2))
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
