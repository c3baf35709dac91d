import Foundation

/// One call from its admission to the route that answers it.
extension Service {
    /// A request's body, if it is JSON.
    struct Parsed {
        var json: JSONValue?

        init(_ request: APIRequest) { json = request.body.isEmpty ? nil : JSONValue.parse(request.body) }
    }

    func process(
        _ request: APIRequest, _ parsed: Parsed, _ endpoint: Endpoint, _ action: Fault.Action?
    ) -> Answer {
        let (credential, signInRefusal) = identify(request, endpoint)
        let slot = takeSlot(credential)
        let caller = Caller(request, credential, configuration.world)
        let now = now
        let balance = state.withLock { $0.account(credential.bucket).balance }
        var answer =
            signInRefusal ?? crowdRefusal(credential, slot) ?? admit(caller, parsed, endpoint)
            ?? paymentRefusal(request, endpoint) ?? bodyRefusal(request, parsed, endpoint)
            ?? walletRefusal(credential, endpoint) ?? route(request, parsed, endpoint, caller, action)
        answer.slot = slot
        state.withLock { $0.close(endpoint, credential, &answer, at: now) }
        if case .user = credential, !endpoint.isOfShareHost {
            answer.setHeader("x-venice-balance-usd", String(format: "%.2f", balance.dollars))
        }
        return answer
    }

    /// The refusal that comes before anything else in the body than its model is looked at, if there is one.
    private func admit(_ caller: Caller, _ parsed: Parsed, _ endpoint: Endpoint) -> Answer? {
        guard !endpoint.isOfShareHost else { return nil }
        let now = now
        return state.withLock { state in
            let refusal = state.admit(endpoint, caller.credential, at: now) ?? keyRefusal(caller, endpoint)
            if refusal?.status == 429, let key = caller.key {
                state.noteLimit(key, endpoint, model: parsed.json?["model"]?.string, at: now)
            }
            return refusal
        }
    }

    private func keyRefusal(_ caller: Caller, _ endpoint: Endpoint) -> Answer? {
        guard let key = caller.key else { return nil }
        // On a public route a bad key is no key.
        guard SimulatorState.needsKey(endpoint) else { return nil }
        if let end = caller.rule.expiresAt, now >= end { return .error(401, "The API key has expired") }
        if caller.rule.disabled == true { return RefusalAnswers.make(.accessDisabled) }
        return endpoint.needsAdmin && !key.isAdmin ? .error(401, "Admin API key required") : nil
    }

    private func bodyRefusal(_ request: APIRequest, _ parsed: Parsed, _ endpoint: Endpoint) -> Answer? {
        guard [.quote, .queue, .retrieve, .complete].contains(endpoint) else { return nil }
        if let coding = request.headers["content-encoding"], coding.lowercased() != "identity" {
            return .error(415, "Unsupported content encoding '\(coding.prefix(40))'")
        }
        let type = request.headers["content-type"]?.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces)
            .lowercased()
        var refusal: Answer
        if type != "application/json" {
            refusal = .error(400, "Invalid content type. Expected application/json")
        } else if parsed.json == nil {
            refusal = .error(400, "Invalid JSON")
        } else {
            return nil
        }
        refusal.countsAsFailure = false
        if endpoint == .queue { noteRefusal(refusal) }
        return refusal
    }

    private func route(
        _ request: APIRequest, _ parsed: Parsed, _ endpoint: Endpoint, _ caller: Caller, _ action: Fault.Action?
    ) -> Answer {
        let body = parsed.json ?? .null
        return switch (endpoint, caller.credential.asUser) {
        case (.models, _): models(request, caller)
        case (.quote, _): quote(body, caller)
        case (.queue, .user(let user)): queue(body, request.body, user, caller, action)
        case (.retrieve, .user(let user)): retrieve(body, user, action)
        case (.complete, .user(let user)): complete(body, user)
        case (.rateLimits, .user(let user)): rateLimits(user, caller)
        case (.rateLimitsLog, .user(let user)): rateLimitsLog(user)
        case (.billingBalance, .user(let user)): billingBalance(user)
        case (.usageHistory, .user(let user)): usageHistory(request, user)
        case (.transcriptions, _): transcriptions(caller)
        case (.walletBalance, _): walletBalance(request, caller.credential)
        case (.walletTransactions, _): walletTransactions(request, caller.credential)
        case (.topUp, _): topUp(request)
        case (.download, _): download(request)
        case (.downloadDelete, _): revoke(request)
        case (.queue, _), (.retrieve, _), (.complete, _), (.rateLimits, _), (.rateLimitsLog, _),
            (.billingBalance, _), (.usageHistory, _):
            .error(401, "Authentication failed")
        case (.connection, _), (.unknown, _): .error(404, "Not found")
        }
    }
}
