// What stands inside the lists of a request.

extension RequestCheck {
    /// PROTOCOL §4: each element has a picture or a clip, and at most three further pictures.
    mutating func checkElements() {
        for (index, element) in taken(.elements, request.elements) {
            if element.frontalImage == nil, element.video == nil {
                add("elements[\(index)].frontal_image", .required, "an element needs a frontal_image or a video")
            }
            let count = element.referenceImages?.count ?? 0
            if count > 3 {
                let path = "elements[\(index)].reference_images"
                add(path, .tooMany, "\(count) are too many, an element takes 3", given: "\(count)")
            }
        }
    }

    /// PROTOCOL §4: no two on one frame, none behind the end.
    mutating func checkKeyframes() {
        let seconds = request.duration.flatMap(Self.seconds) ?? 300
        let last = Int(min(seconds, 300) * Double(VideoRequest.Keyframe.framesPerSecond))
        var seen: Set<Int> = []
        for (index, keyframe) in taken(.keyframes, request.keyframes) {
            let path = "keyframes[\(index)].frame"
            if !(0...last).contains(keyframe.frame) {
                add(path, .outOfRange, "a frame from 0 to \(last) is needed", given: "\(keyframe.frame)")
            } else if !seen.insert(keyframe.frame).inserted {
                add(path, .conflict, "another keyframe has this frame", given: "\(keyframe.frame)")
            }
        }
    }

    mutating func checkTypedReferences() {
        let roles = model[.imageReferences]?.options
        for (index, reference) in taken(.imageReferences, request.imageReferences) {
            checkName(reference.name, at: "image_references[\(index)].name")
            if let role = reference.role?.word, let roles, !roles.contains(role) {
                add("image_references[\(index)].role", .notAllowed, "not a role", given: role, allowed: roles)
            }
        }
        for (index, reference) in taken(.videoReferences, request.videoReferences) {
            checkName(reference.name, at: "video_references[\(index)].name")
        }
    }

    private mutating func checkName(_ name: String?, at path: String) {
        guard let name else { return }
        if name.allSatisfy(\.isWhitespace) { return add(path, .malformed, "the name is empty; leave it out instead") }
        checkLength(of: name, at: path, 200)
    }

    /// PROTOCOL §4: points in the order of their times, each looking from somewhere.
    mutating func checkCameraPath() {
        var earlier = -Double.infinity
        for (index, point) in taken(.cameraPath, request.cameraPath) {
            let path = "camera_path[\(index)]"
            checkNumber(point.time, at: "\(path).time", "from 0 to 1") { (0...1).contains($0) }
            checkNumber(point.azimuth, at: "\(path).azimuth", "that is finite") { $0.isFinite }
            checkNumber(point.elevation, at: "\(path).elevation", "from -90 to 90") { (-90...90).contains($0) }
            checkNumber(point.distance, at: "\(path).distance", "above 0") { $0 > 0 && $0.isFinite }
            guard (0...1).contains(point.time) else { continue }
            if point.time <= earlier {
                add("\(path).time", .outOfRange, "later than the point before is needed", given: "\(point.time)")
            }
            earlier = max(earlier, point.time)
        }
    }

    private mutating func checkNumber(_ value: Double, at path: String, _ range: String, _ isGood: (Double) -> Bool) {
        if !isGood(value) { add(path, .outOfRange, "a number \(range) is needed", given: "\(value)") }
    }

    /// The entries that are worth a look: none where the model does not take the list at all.
    private func taken<Entry>(_ field: VideoRequest.Field, _ entries: [Entry]?) -> some Sequence<(Int, Entry)> {
        let entries = model.takes(field) ? entries ?? [] : []
        return zip(entries.indices, entries)
    }
}
