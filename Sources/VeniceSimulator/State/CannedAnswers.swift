import Foundation

/// 429 in the forms that have been seen.
enum RateLimitAnswer {
    static func make(form: RateLimitForm, until: Date, now: Date, limit: Int) -> Answer {
        var answer = Answer.error(429, "Rate limit exceeded. Please try again later.")
        let wait = max(0, until.timeIntervalSince(now))
        switch form {
        case .retryAfter: answer.setHeader("Retry-After", "\(Int(wait.rounded(.up)))")
        case .resetMilliseconds: setReset("\(Int((until.timeIntervalSince1970 * 1000).rounded(.up)))")
        case .resetSeconds: setReset("\(Int(until.timeIntervalSince1970.rounded(.up)))")
        case .resetDelta: setReset("\(Int(wait.rounded(.up)))")
        case .bare: break
        }
        return answer

        func setReset(_ value: String) {
            answer.setHeader("x-ratelimit-limit-requests", "\(limit)")
            answer.setHeader("x-ratelimit-remaining-requests", "0")
            answer.setHeader("x-ratelimit-reset-requests", value)
            answer.setHeader("x-ratelimit-type", "RPM")
        }
    }
}

/// The 402 bodies that a key account can meet.
enum PaymentAnswers {
    static let insufficientBalance = Answer.error(
        402,
        "Insufficient USD or Diem balance to complete request. Visit https://venice.ai/settings/api to add credits.")

    /// No credential at all: the x402 discovery body, and another one in the header.
    static func discovery(_ endpoint: Endpoint) -> Answer {
        let accepts: JSONValue = [
            [
                "scheme": "exact", "network": "eip155:8453", "amount": "5000000", "maxTimeoutSeconds": 300,
                "asset": "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913",
                "payTo": "0x0000000000000000000000000000000000000402", "extra": ["name": "USD Coin", "version": "2"],
            ]
        ]
        let body: JSONValue = [
            "x402Version": 2, "error": "Payment required",
            "resource": [
                "url": .string("https://api.venice.ai/api/v1/\(endpoint.apiPath)"), "description": "Venice video API",
                "mimeType": "application/json",
            ],
            "accepts": accepts,
            "extensions": [
                "sign-in-with-x": [
                    "info": ["domain": "api.venice.ai", "version": "1", "statement": "Sign in to Venice AI"],
                    "supportedChains": [["chainId": "eip155:8453", "type": "eip191"]],
                ]
            ],
            "authOptions": [
                "apiKey": ["header": "Authorization: Bearer YOUR_API_KEY", "getKey": "https://venice.ai/settings/api"],
                "x402Wallet": ["header": "SIGN-IN-WITH-X", "topUp": "POST /api/v1/x402/top-up"],
            ],
        ]
        var answer = Answer.json(402, body)
        let header: JSONValue = ["x402Version": 2, "accepts": accepts]
        answer.setHeader("PAYMENT-REQUIRED", header.bytes.base64EncodedString())
        answer.countsAsFailure = false
        return answer
    }
}

/// Answers that do not come from the service itself.
enum EdgeAnswers {
    static func page(_ status: Int) -> Answer {
        let title = "api.venice.ai | \(status): \(status == 504 ? "Gateway time-out" : "Service unavailable")"
        let page =
            "<!DOCTYPE html>\n<html lang=\"en-US\"><head><title>\(title)</title></head>\n"
            + "<body><h1>Error \(status)</h1><p>The web server reported an error.</p></body></html>\n"
        return Answer(
            status: status, headers: [("Content-Type", "text/html; charset=UTF-8")], body: Data(page.utf8))
    }

    /// A model that shows faces wants the person to agree first.
    static func consent(roles: [String]) -> Answer {
        .json(
            409,
            [
                "error": ["code": "needs_consent", "message": "Additional consent is required for this model."],
                "consent_flow": "seedance", "face_media_roles": .array(roles.map { .string($0) }),
                "consent": [
                    "consent_version": "2026-05",
                    "policy_text": "I have the right to use the likeness of every person shown in my media.",
                ],
                "docs_url": "https://docs.venice.ai/api-reference/endpoint/video/queue",
            ])
    }
}
