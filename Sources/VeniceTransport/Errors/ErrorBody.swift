import Foundation
import VideoModels

/// What the body of a failed call says, whatever its shape (PROTOCOL §12.1): one reader for all of them.
struct ErrorBody: Hashable {
    var message = ""
    var code: String?
    var requestID: String?
    var findings: [Finding] = []
    var notes = RefusalNotes()
    var consent: ConsentChallenge?
    var payment = PaymentShape.unknown
    /// The upstream's own words rather than those of something in front of it.
    var isFromAPI = false
    /// A page for people.
    var isPage = false
    private var type: String?

    /// Never fails: a body that cannot be read just says less.
    init(_ bytes: [UInt8]) {
        guard let json = JSON(bytes), json.object != nil else {
            isPage = ContentKind(bytes, declared: nil) == .markup
            message = Self.plainText(bytes, isPage: isPage)
            return
        }
        isFromAPI = true
        // `error` is a sentence, an object, or beside a `message` a code word.
        let error = json["error"]
        let inner = error?.object == nil ? nil : error
        message = inner?["message"]?.text ?? json["message"]?.text ?? error?.text ?? ""
        if let details = json["details"]?.text { message += (message.isEmpty ? "" : ": ") + details }
        let word = json["message"] != nil ? error?.text : nil
        code = (inner?["code"] ?? json["code"])?.text ?? word
        if let prefixed = code, prefixed.hasPrefix("X402_"), !prefixed.hasPrefix("X402_SIGN_IN") {
            code = String(prefixed.dropFirst(5))
        }
        type = (inner?["type"] ?? json["type"])?.text
        requestID = (json["request_id", "requestId"] ?? inner?["request_id"])?.text
        findings = FindingReader.findings(json, parameter: inner?["param"]?.text, message: message)
        readNotes(json, inner)
        readPayment(json)
        readConsent(json, inner)
    }

    /// The words by which a 422 shows that it is about content rather than about a file's measures.
    var isContentPolicy: Bool {
        if type == "provider_content_policy" || notes.suggestedPrompt != nil || notes.recommendedModel != nil {
            return true
        }
        let text = message.lowercased()
        return ["policy", "policies", "violat", "moderat", "safety", "nsfw", "prohibited"].contains {
            text.contains($0)
        }
    }

    func says(_ words: String) -> Bool { message.lowercased().contains(words.lowercased()) }

    private mutating func readNotes(_ json: JSON, _ inner: JSON?) {
        func either(_ keys: String...) -> JSON? {
            keys.lazy.compactMap { inner?[$0] ?? json[$0] }.first
        }
        notes = RefusalNotes(
            message: message.isEmpty ? nil : Scrubber.clean(message),
            refunded: either("credits_refunded", "creditsRefunded")?.bool,
            suggestedPrompt: either("suggested_prompt", "suggestedPrompt")?.text,
            recommendedModel: either("recommended_model", "recommendedModel")?.text, hint: either("hint")?.text)
    }

    private mutating func readPayment(_ json: JSON) {
        if code == "PAYMENT_REQUIRED" || json["reason"]?.text == "insufficient_balance" {
            payment = .walletTooLow(WalletShortfall(json))
        } else if let discovery = PaymentDiscovery(json) {
            let isDiscovery = json["resource"] != nil || json["extensions"] != nil || json["authOptions"] != nil
            payment = isDiscovery ? .discovery(discovery) : .topUpOffer(discovery.offer)
        } else if says("spend limit exceeded") || code?.hasSuffix("SPEND_LIMIT_EXCEEDED") == true {
            payment = .keyLimit
        } else if says("insufficient") || code == "INSUFFICIENT_BALANCE" {
            payment = .insufficientBalance
        }
    }

    private mutating func readConsent(_ json: JSON, _ inner: JSON?) {
        guard inner?["code"]?.text == "needs_consent" || json["consent_flow"] != nil,
            let policy = json["consent"]?["policy_text"]?.text
        else { return }
        consent = ConsentChallenge(
            flow: json["consent_flow"]?.text ?? "seedance", roles: json["face_media_roles"]?.texts ?? [],
            version: json["consent"]?["consent_version"]?.text, policyText: policy, docsURL: json["docs_url"]?.text,
            message: inner?["message"]?.text)
    }

    /// The title of a page from the edge, or the beginning of whatever else it is.
    private static func plainText(_ bytes: [UInt8], isPage: Bool) -> String {
        let text = String(decoding: bytes.prefix(4096), as: UTF8.self)
        guard isPage else { return text }
        let title = text.firstRange(of: "<title>").map { text[$0.upperBound...].prefix { $0 != "<" } } ?? ""
        return title.isEmpty ? "a page instead of an answer" : "a page instead of an answer: \(title)"
    }
}
