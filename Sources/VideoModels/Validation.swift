import Foundation

extension VideoRequest {
    /// Everything that the model would refuse, at once; empty if the request is good.
    ///
    /// Phone and server run the same check against the same published capabilities. It cannot know what the upstream
    /// does not publish (combinations, media sizes), so an accepted request may still be refused later, unpaid.
    public func validate(against model: VideoModel) -> [Finding] {
        var check = RequestCheck()
        if self.model != model.id {
            check.add("model", .unknownModel, "the request names another model", given: self.model, allowed: [model.id])
        }
        if model.isOffline {
            check.add("model", .modelUnavailable, "\(model.id) is offline at the moment", given: self.model)
        }
        check.text("prompt", prompt, limit: model.promptCharacterLimit, required: !model.isUpscaler)
        if model.isUpscaler { check.absent("prompt", prompt, "an upscaler takes no prompt") }
        check.text("negative_prompt", negativePrompt, limit: model.promptCharacterLimit, required: false)
        check.choice("duration", duration, of: model.followsSourceLength ? [] : model.durations)
        check.choice("resolution", resolution, of: model.isUpscaler ? [] : model.resolutions)
        check.choice("aspect_ratio", aspectRatio, of: model.aspectRatios)
        if audio != nil, model.sound != .known(.optional) {
            check.add("audio", .notSupported, "sound cannot be switched on this model")
        }
        checkMedia(against: model, into: &check)
        return check.findings
    }

    private func checkMedia(against model: VideoModel, into check: inout RequestCheck) {
        if model.isUpscaler {
            check.choice("upscale_factor", upscaleFactor.map(String.init), of: ["1", "2", "4"])
        } else {
            check.absent("upscale_factor", upscaleFactor, "only upscalers take upscale_factor")
        }
        switch model.kind {
        case .known(.textToVideo):
            check.absent("image", image, "a text-to-video model takes no start frame")
            check.absent("end_image", endImage, "a text-to-video model takes no end frame")
        case .known(.imageToVideo) where !model.takesReferences:
            check.present("image", image, "the start frame")
        case .known(.imageToVideo), .known(.videoToVideo), .unknown: break
        }
        if model.takesVideo {
            check.present("video", video, "the source clip")
        } else {
            check.absent("video", video, "this model takes no source clip")
        }
        if !model.takesAudioTrack { check.absent("audio_track", audioTrack, "this model takes no sound track") }
        if !model.takesReferences {
            check.absent("reference_images", referenceImages, "this model takes no reference pictures")
        } else if let count = referenceImages?.count, let most = model[.referenceImages]?.most, count > most {
            check.add("reference_images", .tooMany, "\(count) pictures, at most \(most) are taken")
        }
        for (field, source) in media {
            if case .url(let url) = source { check.publicAddress(field, url) }
        }
    }
}

/// Collects findings; every rule adds at most one.
private struct RequestCheck {
    var findings: [Finding] = []

    mutating func add(
        _ field: String, _ code: Finding.Code, _ message: String, given: String? = nil, allowed: [String]? = nil
    ) {
        findings.append(Finding(field: field, code: code, message: message, given: given, allowed: allowed))
    }

    mutating func absent(_ field: String, _ value: Any?, _ message: String) {
        if value != nil { add(field, .notSupported, message) }
    }

    mutating func present(_ field: String, _ value: MediaSource?, _ what: String) {
        if value == nil { add(field, .required, "\(what) is needed: an asset_id or a url") }
    }

    mutating func text(_ field: String, _ value: String?, limit: Int, required: Bool) {
        guard let value, !value.allSatisfy(\.isWhitespace) else {
            if required { add(field, .required, "some text is needed") }
            return
        }
        let count = value.unicodeScalars.count
        if value.unicodeScalars.contains("\0") {
            // JSON can spell it, and neither Postgres nor most other programs can hold it.
            add(field, .malformed, "the text holds a NUL character")
        } else if count > limit {
            add(field, .tooLong, "\(count) characters, the model takes \(limit)", given: value)
        }
    }

    /// A list that is not empty wants one of its words, an empty one wants none.
    mutating func choice(_ field: String, _ value: String?, of allowed: [String]) {
        switch value {
        case nil where !allowed.isEmpty: add(field, .required, "choose one", allowed: allowed)
        case let given? where allowed.isEmpty:
            add(field, .notSupported, "this model takes no \(field)", given: given)
        case let given? where !allowed.contains(given):
            add(field, .notAllowed, "not a value of this model", given: given, allowed: allowed)
        default: break
        }
    }

    /// Scheme and shape only: Gondola itself never fetches the address.
    mutating func publicAddress(_ field: String, _ url: String) {
        let parts = URLComponents(string: url)
        guard url.utf8.count <= 2048, let parts, ["https", "http"].contains(parts.scheme?.lowercased() ?? ""),
            parts.host?.contains(".") == true, parts.user == nil, parts.password == nil
        else {
            return add("\(field).url", .malformed, "not a public http(s) address", given: url)
        }
    }
}
