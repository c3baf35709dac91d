import Foundation

/// Applies the world's rules to the catalogue: what a caller sees listed, and what becomes of a model that is named.
struct ModelDesk: Sendable {
    let catalogue: Catalogue
    let world: World
    /// Whether models that work unlisted are listed.
    let listsUnlisted: Bool
    let caller: Caller
    let now: Date

    /// A model that may be used, under the name by which it is made.
    struct Served: Sendable {
        var id: String
        /// Set while the model that was asked for is on its way out, or has been replaced.
        var deprecation: Deprecation?
    }

    // MARK: Listing

    /// The whole answer to `GET /models?type=video`.
    func listing(type: String) -> Data {
        guard world.models != nil || listsUnlisted || caller.key != nil || type != "video" else {
            return catalogue.listing
        }
        return Catalogue.listing(of: catalogue.entries.filter(isShown).map(record), type: type)
    }

    private func rule(_ id: String) -> ModelRule { world.models?[id] ?? ModelRule() }

    private func isShown(_ entry: Catalogue.Entry) -> Bool {
        let rule = rule(entry.model.id)
        if let end = rule.deprecation?.removesAt, now >= end { return false }
        if caller.rule.modelPrivacy == .privateOnly && !entry.isPrivate { return false }
        let hasBeta = caller.rule.beta == true
        return rule.beta == true ? hasBeta : entry.isListed || listsUnlisted || hasBeta
    }

    private func record(_ entry: Catalogue.Entry) -> JSONValue {
        guard let rule = world.models?[entry.model.id] else { return entry.record }
        var fields = entry.record.object ?? [:]
        var spec = fields["model_spec"]?.object ?? [:]
        if let offline = rule.offline { spec["offline"] = .bool(offline) }
        if let beta = rule.beta { spec["beta"] = .bool(beta) }
        if let countries = rule.regionRestrictions {
            spec["regionRestrictions"] = .array(countries.map { .string($0) })
        }
        if let deprecation = rule.deprecation { spec["deprecation"] = deprecation.json }
        fields["model_spec"] = .object(spec)
        return .object(fields)
    }

    // MARK: Use

    enum Verdict: Sendable {
        case served(Served)
        case refused(Answer)
    }

    /// What becomes of a call that names a model. Models that are unknown are left to whoever judges the body.
    func serve(_ id: String) -> Verdict {
        guard let entry = catalogue.entry(id) else { return .served(Served(id: id)) }
        let rule = rule(id)
        if let deprecation = rule.deprecation, now >= deprecation.removesAt {
            return afterwards(deprecation)
        }
        if rule.beta == true && caller.rule.beta != true { return .refused(.unknownModel) }
        if let region = caller.region, rule.regionRestrictions?.contains(region) == true {
            return .refused(RefusalAnswers.region)
        }
        if caller.rule.modelPrivacy == .privateOnly && !entry.isPrivate {
            return .refused(.error(403, "This API key may only use private models"))
        }
        let isOnItsWay = rule.deprecation.map { now >= $0.startsAt ?? .distantPast } ?? false
        return .served(Served(id: id, deprecation: isOnItsWay ? rule.deprecation : nil))
    }

    private func afterwards(_ deprecation: Deprecation) -> Verdict {
        let successor = deprecation.replacementModelId
        if deprecation.autoRemap, let successor, catalogue.entry(successor) != nil {
            return .served(Served(id: successor, deprecation: deprecation))
        }
        let advice = successor.map { " Use \($0) instead." } ?? ""
        if deprecation.goneStatus == 410 { return .refused(.error(410, "This model has been retired.\(advice)")) }
        return .refused(.error(404, "Specified model not found.\(advice)"))
    }

    func isOffline(_ id: String) -> Bool { rule(id).offline == true }
}

extension Answer {
    /// Puts on what the service says about the model that served a call.
    mutating func tell(_ served: ModelDesk.Served) {
        setHeader("x-venice-model-id", served.id)
        guard let deprecation = served.deprecation else { return }
        let end = deprecation.removesAt.formatted(Ledger.time)
        let successor = deprecation.replacementModelId.map { " Use \($0) instead." } ?? ""
        setHeader("x-venice-model-deprecation-warning", "This model is retired on \(end).\(successor)")
        setHeader("x-venice-model-deprecation-date", end)
        setHeader("x-venice-deprecated", "true")
        setHeader("Deprecation", "@\(Int((deprecation.startsAt ?? deprecation.removesAt).timeIntervalSince1970))")
    }
}
