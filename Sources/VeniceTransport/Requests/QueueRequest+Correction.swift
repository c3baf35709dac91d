import VideoModels

extension QueueRequest {
    /// The request once more with what a refusal asked for; nil when the refusal is about anything else.
    ///
    /// Sources disagree on whether a model that follows its source wants `duration`, and an upscaler `prompt` (PROTOCOL §20,
    /// rows 7 and 8), so both stay out at first. A 400 means that nothing was charged, so one more try is safe; a second
    /// refusal stands, since nothing is left to be added. What a person asked for is never changed.
    public func corrected(after error: VeniceError) -> QueueRequest? {
        guard case .invalid(let findings, let evidence) = error, evidence.endpoint == .queue, evidence.status == 400
        else {
            return nil
        }
        var asked = source
        for finding in findings where finding.code != .known(.notSupported) {
            switch finding.field {
            case "duration" where asked.model.followsSourceLength && asked.request.duration != nil:
                asked.model.inputs["duration"] = ModelInput(.required)
            case "prompt" where asked.model.isUpscaler: asked.model.inputs["prompt"] = ModelInput(.required)
            default: break
            }
        }
        guard asked.model != source.model, let corrected = try? QueueRequest(asked), corrected.parts != parts else {
            return nil
        }
        return corrected
    }
}
