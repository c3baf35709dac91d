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
        return .success(QueueValidation.priceInputs(used(fields, model), model, family))
    }

    private static func used(_ fields: [String: JSONValue], _ model: VideoModel) -> [String: JSONValue] {
        guard model.resolutions.isEmpty else { return fields }
        return fields.filter { $0.key != "resolution" }
    }

    private static func findings(
        _ fields: [String: JSONValue], _ model: VideoModel, _ family: ModelFamily
    ) -> [Finding] {
        var findings = types(fields)
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
