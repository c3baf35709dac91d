extension QueueValidation {
    mutating func checkKeyframes() {
        guard family.keyframes else { return demand(.forbidden, "keyframes") }
        let last = (fields["duration"]?.string.flatMap { Self.seconds($0, upTo: 300) } ?? 300) * 24
        var seen: Set<Double> = []
        for (index, frame) in (fields["keyframes"]?.array ?? []).enumerated() {
            check(frame["image_url"], .referenceImage, at: ["keyframes", "\(index)", "image_url"])
            guard let position = frame["frame_index"]?.number else { continue }
            if position > last || !seen.insert(position).inserted {
                let message = "frame_index must be unique and at most duration × 24"
                findings.append(.schema("custom", "keyframes", "\(index)", "frame_index", message: message))
            }
        }
    }

    mutating func checkCameraPath() {
        guard family.cameraPath else { return demand(.forbidden, "camera_trajectory") }
        let times = (fields["camera_trajectory"]?.array ?? []).compactMap { $0["time"]?.number }
        for (index, pair) in zip(times, times.dropFirst()).enumerated() where pair.0 >= pair.1 {
            let message = "time must be strictly increasing"
            findings.append(.schema("custom", "camera_trajectory", "\(index + 1)", "time", message: message))
        }
    }

    mutating func checkSpecialFields() {
        if !family.voice { demand(.forbidden, "voice_id") }
        if !family.bitrateMode { demand(.forbidden, "bitrate_mode") }
        checkTask()
        if let user = fields["anon_user_id"]?.string,
            user.contains("||") || !user.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        {
            findings.append(.schema("custom", "anon_user_id", message: "Printable ASCII without '||' expected"))
        }
        for (key, value) in fields["consents"]?["seedance"]?.object ?? [:] where value != true {
            findings.append(.schema("invalid_literal", "consents", "seedance", key, message: "Expected true"))
        }
    }

    private mutating func checkTask() {
        guard family.matchesSourceDuration else { return demand(.forbidden, "omni_reference_task_type") }
        guard let task = fields["omni_reference_task_type"]?.string, task.hasPrefix("e") else { return }
        demandReferenceVideo("omni_reference_task_type")
    }
}
