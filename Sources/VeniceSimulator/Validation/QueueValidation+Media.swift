extension QueueValidation {
    // MARK: Start and end frame, source

    mutating func checkSourceMedia() {
        checkFrames()
        demand(family.videoURL, "video_url")
        check(fields["image_url"], .startImage, "image_url")
        check(fields["end_image_url"], .startImage, "end_image_url")
        check(fields["video_url"], .video, "video_url")
        guard let url = fields["video_url"]?.string else { return }
        sourceSeconds = MediaMeasure(url).seconds
        if let sourceSeconds, sourceSeconds > 300 {
            outOfBounds("Video duration exceeds the maximum of 300 seconds", ["video_url"])
        }
    }

    private mutating func checkFrames() {
        let references = ["reference_image_urls", "reference_video_urls", "reference_audio_urls", "image_references"]
        guard family.framesExcludeReferences, references.contains(where: { fields[$0] != nil }) else {
            demand(family.imageURL, "image_url")
            return demand(family.endImageURL, "end_image_url")
        }
        demand(.forbidden, "image_url")
        demand(.forbidden, "end_image_url")
    }

    // MARK: References

    mutating func checkReferences() {
        let caps = family.references
        checkList("reference_image_urls", cap: caps.images, .referenceImage)
        checkList("reference_video_urls", cap: caps.videos, .video)
        checkList("reference_audio_urls", cap: caps.audios, .audio)
        checkList("reference_document_urls", cap: caps.documents, .document)
        referenceSeconds = checkClips("reference_video_urls", family.videoClips, "Video")
        checkSoundCount(caps.audios)
        _ = checkClips("reference_audio_urls", family.audioClips, "Audio")
        checkDocuments()
        checkVisual()
    }

    private mutating func checkVisual() {
        let references = ["reference_image_urls", "reference_video_urls", "image_references", "video_references"]
        let visual = references.contains { fields[$0] != nil }
        if fields["reference_audio_urls"] != nil && !visual {
            let message = "reference_audio_urls requires at least one reference image or reference video"
            findings.append(.schema("custom", "reference_audio_urls", message: message))
        }
        let inputs = ["image_url", "elements", "scene_image_urls", "reference_document_urls"]
        if family.kind == .reference && !visual && !inputs.contains(where: { fields[$0] != nil }) {
            let message = "At least one visual reference is required"
            findings.append(.schema("custom", "reference_image_urls", message: message))
        }
        demandMatchableSource()
    }

    /// A clip whose length the video is to have must be 4–30 s long.
    private mutating func demandMatchableSource() {
        guard ["-1", "auto"].contains(fields["duration"]?.string), referenceSeconds > 0 else { return }
        if referenceSeconds < 4 { outOfBounds("Video is too short. Minimum is 4 seconds", ["reference_video_urls"]) }
    }

    /// MiniMax H3 counts the sound track among its reference sounds.
    private mutating func checkSoundCount(_ cap: Int) {
        guard model.id.hasPrefix("minimax-h3"), fields["audio_url"] != nil,
            let count = fields["reference_audio_urls"]?.array?.count, count + 1 > cap
        else { return }
        let message = "Array must contain at most \(cap - 1) element(s) next to audio_url"
        findings.append(.schema("too_big", "reference_audio_urls", message: message))
    }

    private mutating func checkDocuments() {
        for url in fields["reference_document_urls"]?.array?.compactMap(\.string) ?? [] {
            guard let bytes = MediaMeasure(url).bytes, bytes > 100_000_000 else { continue }
            outOfBounds("Document exceeds the maximum size of 100 MB", ["reference_document_urls"])
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

    // MARK: Clips

    /// Judges each clip of a list and all together; answers with how long they are in sum, as far as that is known.
    private mutating func checkClips(_ field: String, _ limits: ModelFamily.ClipLimits?, _ what: String) -> Double {
        let urls = fields[field]?.array?.compactMap(\.string) ?? []
        let measures = urls.map { MediaMeasure($0) }
        let total = measures.reduce(0) { $0 + ($1.seconds ?? 0) }
        guard let limits else { return total }
        for (index, measure) in measures.enumerated() { checkClip(measure, limits, what, field, "\(index)") }
        if total > limits.total {
            outOfBounds("\(what) duration exceeds the maximum total of \(Int(limits.total)) seconds", [field])
        }
        return total
    }

    mutating func checkClip(
        _ measure: MediaMeasure, _ limits: ModelFamily.ClipLimits, _ what: String, _ path: String...
    ) {
        if let bytes = measure.bytes, bytes > limits.bytes {
            outOfBounds("\(what) exceeds the maximum size of \(limits.bytes / 1_000_000) MB", path)
        }
        guard let seconds = measure.seconds else { return }
        if seconds > limits.seconds.upperBound {
            outOfBounds("\(what) duration exceeds the maximum of \(Int(limits.seconds.upperBound)) seconds", path)
        } else if seconds < limits.seconds.lowerBound {
            outOfBounds("\(what) is too short. Minimum is \(Int(limits.seconds.lowerBound)) seconds", path)
        }
    }

    private mutating func outOfBounds(_ message: String, _ path: [String]) {
        findings.append(Finding(kind: .outOfBounds, path: path, message: message))
    }

    // MARK: Elements and scenes

    mutating func checkElements() {
        guard family.elements else {
            demand(.forbidden, "elements")
            return demand(.forbidden, "scene_image_urls")
        }
        checkList("scene_image_urls", cap: 4, .referenceImage)
        let elements = fields["elements"]?.array ?? []
        for (index, element) in elements.enumerated() { checkElement(element, "\(index)") }
        let framed = fields["image_url"] != nil || fields["end_image_url"] != nil
        if framed && elements.count > 3 {
            let message = "Array must contain at most 3 element(s) next to a start or end frame"
            findings.append(.schema("too_big", "elements", message: message))
        }
        let pictures = elements.reduce(fields["scene_image_urls"]?.array?.count ?? 0) { sum, element in
            sum + (element["frontal_image_url"] == nil ? 0 : 1) + (element["reference_image_urls"]?.array?.count ?? 0)
        }
        if pictures > 7 {
            let message = "At most 7 images over elements and scenes together"
            findings.append(.schema("custom", "elements", message: message))
        }
    }

    private mutating func checkElement(_ element: JSONValue, _ index: String) {
        if element["frontal_image_url"] == nil && element["video_url"] == nil {
            let message = "Each element needs frontal_image_url or video_url"
            findings.append(.schema("custom", "elements", index, message: message))
        }
        check(element["frontal_image_url"], .referenceImage, "elements", index, "frontal_image_url")
        check(element["video_url"], .video, "elements", index, "video_url")
        for url in element["reference_image_urls"]?.array ?? [] {
            check(url, .referenceImage, "elements", index, "reference_image_urls")
        }
    }

    // MARK: Typed references

    mutating func checkTypedReferences() {
        if !family.typedImages { demand(.forbidden, "image_references") }
        if !model.perReferenceAudio { demand(.forbidden, "video_references") }
        let images = fields["image_references"]?.array ?? []
        if family.typedImages && images.count > family.references.images {
            let message = "Array must contain at most \(family.references.images) element(s)"
            findings.append(.schema("too_big", "image_references", message: message))
        }
        for (index, reference) in images.enumerated() {
            check(reference["image_url"], .referenceImage, "image_references", "\(index)", "image_url")
        }
        for (index, reference) in (fields["video_references"]?.array ?? []).enumerated() {
            check(reference["video_url"], .video, "video_references", "\(index)", "video_url")
            check(reference["audio_url"], .audio, "video_references", "\(index)", "audio_url")
        }
    }

    mutating func check(_ value: JSONValue?, _ kind: MediaCheck.Kind, _ path: String...) {
        check(value, kind, at: path)
    }

    mutating func check(_ value: JSONValue?, _ kind: MediaCheck.Kind, at path: [String]) {
        guard let url = value?.string else { return }
        let look = MediaCheck.look(
            at: url, as: kind, ratio: model.referenceRatio, otherPictures: family.otherPictures)
        switch look {
        case .fine(let ratio): if kind == .startImage && pictureRatio == nil { pictureRatio = ratio }
        case .unusable(let why): findings.append(Finding(kind: .media, path: path, message: why))
        case .outOfBounds(let why): findings.append(Finding(kind: .outOfBounds, path: path, message: why))
        }
    }
}
