extension Fault {
    /// The service's own refusals that no body brings about, in the words and shapes that have been seen.
    public enum Refusal: String, Hashable, Sendable, Codable, CaseIterable {
        /// 422 `{error, suggested_prompt}`.
        case contentPolicy = "content_policy"
        /// 422 with the provider's error object; nothing was charged.
        case providerContentPolicy = "provider_content_policy"
        /// 403: the model is blocked where the caller is.
        case region
        /// 403: the account may not use the API.
        case accessDisabled = "access_disabled"
        /// 401: the model needs a subscription.
        case proOnly = "pro_only"
        /// 402, plain: the account is empty.
        case insufficientBalance = "insufficient_balance"
        /// 402: the key's own cap.
        case keyCap = "key_cap"
        /// 400 `{error, details}`: media that cannot be read, found out by fetching it.
        case unreadableMedia = "unreadable_media"
        /// 400: the id is unknown, as just after a queue call.
        case unknownID = "unknown_id"
        /// 410: a retired model that cannot be rerouted.
        case retired
        /// 413 in the form of a file that is too big.
        case fileTooLarge = "file_too_large"
        /// 500 with a request id.
        case inference
        /// 503 at capacity.
        case capacity
    }
}

/// The bodies of the refusals.
enum RefusalAnswers {
    static let contentPolicy: JSONValue = [
        "error": "Your prompt violates the content policy of Venice.ai or the model provider",
        "suggested_prompt": "A quiet canal at dawn",
    ]

    static func make(_ refusal: Fault.Refusal) -> Answer {
        switch refusal {
        case .contentPolicy: .json(422, contentPolicy)
        case .providerContentPolicy: .json(422, SimulatedJob.Failure.contentPolicy(refunds: true).body)
        case .region: region
        case .accessDisabled: .error(403, "API access is disabled for this account")
        case .proOnly: .error(401, "This model is only available to Pro users")
        case .insufficientBalance: PaymentAnswers.insufficientBalance
        case .keyCap: keyCap
        case .unreadableMedia:
            .json(
                400, ["error": "The media could not be read", "details": "The file could not be fetched or decoded."])
        case .unknownID: .error(400, "Request ID is invalid.")
        case .retired: .error(410, "This model has been retired")
        case .fileTooLarge:
            .json(413, ["code": "PAYLOAD_TOO_LARGE", "error": "File exceeds the maximum allowed size of 25 MB."])
        case .inference:
            .json(500, ["error": "Inference processing failed", "request_id": "req-0f1e2d3c"])
        case .capacity: .error(503, "The model is at capacity. Please try again later.")
        }
    }

    static let region = Answer.error(
        403,
        "The specified model is unavailable in your region. Use of Tor, VPNs, proxies, or other means to circumvent "
            + "this restriction is a violation of our Terms of Service.")

    static let keyCap = Answer.error(402, "API key USD spend limit exceeded. Raise the limit of this key to continue.")
}
