extension Fault {
    /// How a job that was accepted and paid ends badly. Its answer is told by every later retrieve.
    public enum FailureKind: String, Hashable, Sendable, Codable, CaseIterable {
        /// 422 `provider_content_policy` with `credits_refunded: true`.
        case contentPolicyRefunded = "content_policy_refunded"
        /// The same with `credits_refunded: false`.
        case contentPolicyCharged = "content_policy_charged"
        /// The same, refunded, with another model recommended.
        case contentPolicyRecommending = "content_policy_recommending"
        /// 422 `{error, suggested_prompt}`: nothing said about money, which is refunded.
        case contentPolicyFlat = "content_policy_flat"
        /// 422 `{error}`: the provider measured a clip and found it too long. Refunded without a word.
        case mediaOutOfBounds = "media_out_of_bounds"
        /// 500 with a top-level `credits_refunded: true`.
        case inference
        /// 500 with a top-level `credits_refunded: false` and a hint.
        case inferenceCharged = "inference_charged"
        /// 200 `{status: "failed"}`, as one guide shows it. Refunded without a word.
        case statusFailed = "status_failed"
    }
}

extension SimulatedJob.Failure {
    /// - Parameter model: Runway keeps the charge whatever the provider says about the content.
    init(_ kind: Fault.FailureKind, model: String) {
        let keepsCharge = model.hasPrefix("runway-")
        switch kind {
        case .contentPolicyRefunded: self = .contentPolicy(refunds: !keepsCharge)
        case .contentPolicyCharged: self = .contentPolicy(refunds: false)
        case .contentPolicyRecommending:
            self = .contentPolicy(refunds: !keepsCharge, recommending: "wan-2-7-text-to-video")
        case .contentPolicyFlat:
            self.init(status: 422, body: RefusalAnswers.contentPolicy, refunds: !keepsCharge)
        case .mediaOutOfBounds:
            self.init(
                status: 422, body: ["error": "Video duration exceeds the maximum of 15 seconds"], refunds: true)
        case .inference: self = .inference(refunds: true)
        case .inferenceCharged:
            self.init(
                status: 500,
                body: [
                    "error": "Inference processing failed", "credits_refunded": false,
                    "hint": "Contact support with the request id.",
                ], refunds: false)
        case .statusFailed:
            self.init(status: 200, body: ["status": "failed", "error": "Generation failed"], refunds: true)
        }
    }

    /// The provider refused the content: an object body with the refund spelled out.
    static func contentPolicy(refunds: Bool, recommending model: String? = nil) -> Self {
        let money = refunds ? "Credits have been refunded." : "The charge stands."
        let advice = model.map { " Try using \($0) instead." } ?? ""
        let text = "The selected model provider rejected this request due to its content policies. \(money)\(advice)"
        var error: [String: JSONValue] = [
            "message": .string(text), "type": "provider_content_policy", "credits_refunded": .bool(refunds),
        ]
        error["recommended_model"] = model.map { .string($0) }
        return Self(status: 422, body: ["error": .object(error)], refunds: refunds)
    }

    /// The model broke down: replayed with every later retrieve.
    static func inference(refunds: Bool) -> Self {
        Self(
            status: 500,
            body: ["error": "Inference processing failed", "credits_refunded": .bool(refunds)], refunds: refunds)
    }
}
