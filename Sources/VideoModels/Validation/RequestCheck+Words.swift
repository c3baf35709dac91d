// The fields that hold words: free text, and choices from a list.

extension RequestCheck {
    mutating func checkText() {
        checkText(.prompt, request.prompt, atMost: model.promptCharacterLimit)
        checkText(.negativePrompt, request.negativePrompt, atMost: model.promptCharacterLimit)
        checkText(.voice, request.voice, atMost: 200)
    }

    private mutating func checkText(_ field: VideoRequest.Field, _ text: String?, atMost limit: Int) {
        guard isGiven(field), let text else { return }
        if text.allSatisfy(\.isWhitespace), model[field]?.isRequired == true {
            add(field, .required, "some text is needed")
        } else if text.isEmpty, field != .negativePrompt {
            // PROTOCOL §4 asks for at least one character, except in what must not be shown.
            add(field, .malformed, "the text is empty; leave the field out instead")
        } else {
            checkLength(of: text, at: field.rawValue, limit)
        }
    }

    mutating func checkLength(of text: String, at path: String, _ limit: Int) {
        let count = text.unicodeScalars.count
        if text.unicodeScalars.contains("\0") {
            // JSON can spell it, and neither Postgres nor most other programs can hold it.
            add(path, .malformed, "the text holds a NUL character")
        } else if count > limit {
            add(path, .tooLong, "\(count) characters, the model takes \(limit)", given: text)
        }
    }

    mutating func checkWords() {
        if model.followsSourceLength {
            checkSourceLength()
        } else {
            choose(.duration, request.duration, model.durations)
        }
        choose(.resolution, request.resolution, model.isUpscaler ? [] : model.resolutions)
        choose(.aspectRatio, request.aspectRatio, model.aspectRatios)
        if request.has(.audio), !model.takes(.audio) {
            add(.audio, .notSupported, "sound cannot be switched on this model", given: request.given(.audio))
        }
        checkOption(.upscaleFactor, request.upscaleFactor.map(String.init))
        checkOption(.bitrate, request.bitrate?.word)
        checkOption(.referenceTask, request.referenceTask?.word)
        if let task = request.referenceTask?.task, [.edit, .extend].contains(task) { followsReferenceVideos = true }
    }

    /// A list that is not empty wants one of its words, an empty one wants none.
    private mutating func choose(_ field: VideoRequest.Field, _ value: String?, _ list: [String]) {
        guard let value else {
            if !list.isEmpty || model[field]?.isRequired == true {
                add(field, .required, "choose one", allowed: list.isEmpty ? nil : list)
            }
            return
        }
        guard isGiven(field) else { return }
        let fromReferences = model[field]?.options ?? []
        let words = list + fromReferences.filter { !list.contains($0) }
        if list.contains(value) { return }
        if fromReferences.contains(value) {
            followsReferenceVideos = true
            return
        }
        // A field that was learned to be needed has no list yet.
        if !words.isEmpty { add(field, .notAllowed, "not a value of this model", given: value, allowed: words) }
    }

    /// PROTOCOL §4: `Auto` is listed and refused; such a model takes nothing, or seconds as text.
    private mutating func checkSourceLength() {
        guard isGiven(.duration), let text = request.duration else { return }
        let longest = model[.duration]?.longestSeconds ?? 300
        guard let seconds = Self.seconds(text), seconds > 0, seconds <= longest else {
            let rule = "leave it out, or give seconds as text, such as 12.5, at most \(Int(longest.clamped))"
            return add(.duration, .notAllowed, "the length follows the source: \(rule)", given: text)
        }
    }

    /// A field whose words the model's input lists; an input without a list takes any.
    private mutating func checkOption(_ field: VideoRequest.Field, _ word: String?) {
        guard isGiven(field), let word, let options = model[field]?.options else { return }
        let isAlias =
            field == .referenceTask && request.referenceTask?.task.map { options.contains($0.rawValue) } == true
        if !options.contains(word), !isAlias {
            add(field, .notAllowed, "not a value of this model", given: word, allowed: options)
        }
    }

    /// `5s` and `12.5` in seconds; nil for anything else.
    static func seconds(_ text: String) -> Double? {
        let digits = text.hasSuffix("s") ? text.dropLast() : text[...]
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        let isNumber = parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
        guard digits.utf8.count <= 12, (1...2).contains(parts.count), isNumber else { return nil }
        return Double(digits)
    }
}

extension Double {
    /// Safe to turn into an `Int`.
    fileprivate var clamped: Double { isFinite ? Swift.min(Swift.max(self, -1e9), 1e9) : 0 }
}

extension Open<VideoRequest.ReferenceTask> {
    /// The task, also under the longer names that the upstream takes as well (PROTOCOL §4).
    var task: VideoRequest.ReferenceTask? {
        switch self {
        case .known(let task): task
        case .unknown("editing"): .edit
        case .unknown("extension"): .extend
        case .unknown: nil
        }
    }
}
