import Foundation

/// Judges a quote body. Unknown fields and fields that the model does not take are dropped in silence, as the service does:
/// a good quote proves nothing about the queue body.
enum QuoteValidation {
    static func judge(
        _ body: JSONValue, _ catalogue: Catalogue, authenticated: Bool
    ) -> Result<Pricing.Inputs, QueueValidation.Refused> {
        guard let fields = body.object else {
            return .failure(.init([.wrongType([], expected: "object", received: body)]))
        }
        guard let id = fields["model"]?.string else { return .failure(.init(.error(400, "Model is required"))) }
        guard let (model, family) = catalogue[id] else { return .failure(.init(.unknownModel)) }
        if family.kind == .upscale && !authenticated {
            return .failure(.init(.error(403, "Authentication is required to quote upscale models")))
        }
        let findings = findings(fields, model, family)
        guard findings.isEmpty else { return .failure(.init(findings)) }
        let total = family.references.videos > 0 ? fields["reference_video_total_duration"]?.number ?? 0 : 0
        let source = model.type == .video ? fields["video_url"]?.string.flatMap { MediaMeasure($0).seconds } : nil
        return .success(
            QueueValidation.priceInputs(
                used(fields, model), model, family, sourceSeconds: source, referenceSeconds: total))
    }

    /// The keys that prices depend on; all others are dropped in silence.
    static let pricingKeys: Set<String> = [
        "model", "duration", "aspect_ratio", "resolution", "audio", "upscale_factor", "video_url",
        "reference_video_total_duration", "reference_image_count",
    ]

    private static func used(_ fields: [String: JSONValue], _ model: VideoModel) -> [String: JSONValue] {
        var fields = fields
        let aliases: [String: JSONValue] = ["1x": 1, "2x": 2, "4x": 4]
        // The older name of the factor, still taken here and refused by queue.
        if fields["upscale_factor"] == nil, let alias = fields["resolution"]?.string.flatMap({ aliases[$0] }) {
            fields["upscale_factor"] = alias
        }
        if model.resolutions.isEmpty { fields["resolution"] = nil }
        return fields
    }

    private static func findings(
        _ fields: [String: JSONValue], _ model: VideoModel, _ family: ModelFamily
    ) -> [Finding] {
        var findings = types(fields) + references(fields, family)
        if model.type == .video && fields["video_url"] == nil { findings.append(.required("video_url")) }
        if let url = fields["video_url"]?.string, model.type == .video,
            case .unusable(let why) = MediaCheck.look(at: url, as: .video, ratio: nil)
        {
            findings.append(Finding(kind: .media, path: ["video_url"], message: why))
        }
        if !model.followsSource { findings += duration(fields, model, family) }
        if let resolution = fields["resolution"]?.string, family.kind != .upscale, !model.resolutions.isEmpty,
            !model.resolutions.contains(resolution)
        {
            findings.append(.oneOf(model.resolutions, "resolution", received: resolution))
        }
        return findings
    }

    /// What matches its source is priced by the source, and no model takes more than its cap of reference video.
    private static func references(_ fields: [String: JSONValue], _ family: ModelFamily) -> [Finding] {
        let field = "reference_video_total_duration"
        let matches = family.matchesSourceRatio && ["adaptive", "auto"].contains(fields["aspect_ratio"]?.string)
        if matches && fields[field] == nil { return [.required(field)] }
        guard let cap = family.videoClips?.total, family.references.videos > 0, let total = fields[field]?.number,
            total > cap, total <= 150
        else { return [] }
        return [.schema("too_big", field, message: "Number must be less than or equal to \(Int(cap))")]
    }

    private static func duration(
        _ fields: [String: JSONValue], _ model: VideoModel, _ family: ModelFamily
    ) -> [Finding] {
        guard let duration = fields["duration"]?.string else { return [.required("duration")] }
        if family.matchesSourceDuration && ["-1", "auto"].contains(duration) {
            return fields["reference_video_total_duration"] == nil ? [.required("reference_video_total_duration")] : []
        }
        return model.durations.contains(duration) ? [] : [.oneOf(model.durations, "duration", received: duration)]
    }

    /// A pricing field of the wrong type is refused even here: the schema stands before the dropping.
    private static func types(_ fields: [String: JSONValue]) -> [Finding] {
        let pricing = ["duration", "aspect_ratio", "upscale_factor", "audio", "video_url"]
        var findings = QueueSchema.findings(in: fields.filter { pricing.contains($0.key) })
        if let count = fields["reference_image_count"], count.number.map({ $0 < 0 || $0 != $0.rounded() }) ?? true {
            let message = "Expected a whole number of at least 0"
            findings.append(.schema("invalid_type", "reference_image_count", message: message))
        }
        if let total = fields["reference_video_total_duration"] {
            if let seconds = total.number {
                if !(0...150).contains(seconds) {
                    let message = "Number must be between 0 and 150"
                    findings.append(.schema("too_big", "reference_video_total_duration", message: message))
                }
            } else {
                findings.append(.wrongType(["reference_video_total_duration"], expected: "number", received: total))
            }
        }
        return findings
    }
}
