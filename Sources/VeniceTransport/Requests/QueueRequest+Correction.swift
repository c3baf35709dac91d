import VideoModels

extension QueueRequest {
    /// The request once more with what a refusal asked for; nil when the refusal is about anything else.
    ///
    /// Sources disagree on whether a model that follows its source wants `duration`, and an upscaler `prompt` (PROTOCOL §20,
    /// rows 7 and 8), so both stay out at first. A 400 means that nothing was charged, so one more try is safe; a second
    /// refusal stands, since nothing is left to be added. What a person asked for is never changed.
    ///
    /// The next try is made for the model as `repair(from:)` leaves it. So is this one: a correction is claimed only where
    /// that teaches what was left out, and nothing else.
    public func corrected(after error: VeniceError) -> QueueRequest? {
        guard case .invalid(let findings, let evidence) = error, evidence.endpoint == .queue, evidence.status == 400
        else {
            return nil
        }
        var asked = source
        guard asked.model.repair(from: findings), asked.model == source.model.demanding(as: asked.model),
            let corrected = try? QueueRequest(asked), corrected.parts != parts
        else {
            return nil
        }
        return corrected
    }
}

extension VideoModel {
    /// This model with what the other says of the field that stays out until it is asked for.
    fileprivate func demanding(as other: VideoModel) -> VideoModel {
        var model = self
        if followsSourceLength {
            model.durations = other.durations
            model.inputs["duration"] = other.inputs["duration"]
        }
        if isUpscaler { model.inputs["prompt"] = other.inputs["prompt"] }
        return model
    }
}
