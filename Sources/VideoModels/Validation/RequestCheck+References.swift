// How references depend on one another.

extension RequestCheck {
    mutating func checkReferences() {
        let looks = Self.visual.contains { request.has($0) && model.takes($0) }
        let needsToLook = model.takes(.referenceImages) && model.kind.known != nil
        let isToldAlready = Self.visual.contains { model[$0]?.isRequired == true && !request.has($0) }
        if needsToLook, !looks, !isToldAlready, !followsReferenceVideos {
            add(.referenceImages, .required, "at least one picture or clip to look at is needed")
        } else if isAlone(.referenceAudios) {
            add(.referenceImages, .required, "reference_audios need a reference picture or clip beside them")
        }
        checkReferenceVideos()
    }

    /// What a reference-to-video model can look at (PROTOCOL §15).
    private static let visual: [VideoRequest.Field] = [
        .image, .endImage, .video, .referenceImages, .referenceVideos, .referenceDocuments, .elements, .sceneImages,
        .keyframes, .imageReferences, .videoReferences,
    ]

    /// PROTOCOL §4: sounds alone are refused.
    private func isAlone(_ field: VideoRequest.Field) -> Bool {
        let companions: [VideoRequest.Field] = [
            .referenceImages, .referenceVideos, .elements, .sceneImages, .imageReferences, .videoReferences,
        ]
        return request.has(field) && model.takes(field) && !followsReferenceVideos
            && !companions.contains(where: request.has)
    }

    /// PROTOCOL §3, §15: the price depends on how long the clips are, and only the phone knows that in time.
    private mutating func checkReferenceVideos() {
        let count = request.count(of: .referenceVideos)
        if followsReferenceVideos, count == 0, model.takes(.referenceVideos) {
            add(.referenceVideos, .required, "a duration, ratio or task that follows the source needs a reference clip")
        }
        guard model.takes(.referenceVideos), count > 0 || followsReferenceVideos else { return }
        guard let seconds = request.referenceVideoSeconds else {
            return add(.referenceVideoSeconds, .required, "how long the reference clips are together decides the price")
        }
        let clips = model[.referenceVideos]
        let least = max(Double(count) * (clips?.shortestSeconds ?? 0), sourceSeconds?.shortestSeconds ?? 0)
        let most = min(clips?.totalSeconds ?? Self.mostReferenceSeconds, sourceSeconds?.longestSeconds ?? .infinity)
        guard seconds > 0, seconds >= least, seconds <= most else {
            let range = "\(least.formatted) to \(most.formatted) seconds for \(count) clips are taken"
            return add(.referenceVideoSeconds, .outOfRange, range, given: "\(seconds)")
        }
    }

    /// The limits of a source whose length the result takes; nil when `duration` is a word of the list.
    private var sourceSeconds: ModelInput? {
        let input = model[.duration]
        return request.duration.flatMap { input?.options?.contains($0) } == true ? input : nil
    }

    /// PROTOCOL §3: what the schema allows where nothing is known of the model.
    private static let mostReferenceSeconds = 150.0
}

extension Double {
    /// Without a fraction of nothing: `15`, `2.5`.
    fileprivate var formatted: String { Int(exactly: self).map(String.init) ?? "\(self)" }
}
