/// An error as the phone's API tells it: `application/problem+json` (RFC 9457).
public struct Problem: Error, Hashable, Sendable, Codable {
    /// `urn:gondola:problem:` and the code.
    public var type: String
    public var title: String
    /// The HTTP status.
    public var status: Int
    /// A stable word to branch on.
    public var code: Open<Code>
    /// What happened this time, for a person.
    public var detail: String?
    /// Names this request in the server's log.
    public var requestID: String?
    /// Every finding, for `validation_failed`; at most 100.
    public var errors: [Finding]?

    /// The errors of the phone's API.
    public enum Code: String, Sendable, CaseIterable {
        case unauthenticated
        case notFound = "not_found"
        case methodNotAllowed = "method_not_allowed"
        case malformedRequest = "malformed_request"
        case unsupportedMediaType = "unsupported_media_type"
        case validationFailed = "validation_failed"
        case priceAboveLimit = "price_above_limit"
        case idempotencyConflict = "idempotency_conflict"
        case stateConflict = "state_conflict"
        case cursorMalformed = "cursor_malformed"
        case cursorForeign = "cursor_foreign"
        case cursorExpired = "cursor_expired"
        case bodyTooLarge = "body_too_large"
        case uriTooLong = "uri_too_long"
        case headersTooLarge = "headers_too_large"
        case digestMismatch = "digest_mismatch"
        case requestTimeout = "request_timeout"
        case rangeNotSatisfiable = "range_not_satisfiable"
        case tooManyRequests = "too_many_requests"
        case upstreamUnavailable = "upstream_unavailable"
        case unavailable
        case storageFull = "storage_full"
        case internalError = "internal_error"
        /// The cursor is of a place that this history of the data has not reached; start over as after `cursor_expired`.
        case cursorAhead = "cursor_ahead"
        case notAcceptable = "not_acceptable"
        /// What `wait_for` named is not to be seen yet where this answer would come from.
        case notYetVisible = "not_yet_visible"
        /// The user's uploads, or videos, have no room for more.
        case quotaExceeded = "quota_exceeded"
        /// A job under way names the upload.
        case assetInUse = "asset_in_use"
        /// The unfinished upload was not gone on with for too long.
        case uploadExpired = "upload_expired"
        /// Another request writes to the upload, or ends it.
        case uploadLocked = "upload_locked"
        /// The upload goes on at another place than the request does.
        case uploadOffsetConflict = "upload_offset_conflict"
        /// A version of the upload protocol that is not spoken here.
        case unsupportedVersion = "unsupported_version"
        /// The signed link was good for so long and no longer.
        case linkExpired = "link_expired"
        /// What was deleted cannot be brought back any more.
        case graceOver = "grace_over"
        /// The token was good until its time was over.
        case tokenExpired = "token_expired"
        /// Somebody took the device's access away.
        case tokenRevoked = "token_revoked"
        /// The token is good, and not for this.
        case insufficientScope = "insufficient_scope"
        /// The user is shut out for now, whatever the token is worth.
        case userSuspended = "user_suspended"
        /// The job's price has been charged, so there is nothing left to cancel.
        case alreadyPaid = "already_paid"
        /// The job's price may have been charged.
        case maybePaid = "maybe_paid"
    }

    public init(
        status: Int, code: Code, title: String, detail: String? = nil, requestID: String? = nil,
        errors: [Finding]? = nil
    ) {
        self.type = "urn:gondola:problem:\(code.rawValue)"
        self.title = title
        self.status = status
        self.code = .known(code)
        self.detail = detail
        self.requestID = requestID
        self.errors = errors
    }

    enum CodingKeys: String, CodingKey {
        case type, title, status, code, detail, errors
        case requestID = "request_id"
    }
}

/// One thing that is wrong with a request.
public struct Finding: Hashable, Sendable, Codable {
    /// Where: `request.duration`, `request.reference_images[2]`.
    public var field: String
    public var code: Open<Code>
    /// For a person.
    public var message: String
    /// What was given, shortened to 200 characters.
    public var given: String?
    /// What would be accepted, where that is a list.
    public var allowed: [String]?

    /// What can be wrong with a field.
    public enum Code: String, Sendable, CaseIterable {
        /// The field is needed and missing.
        case required
        /// The model does not take this field.
        case notSupported = "not_supported"
        /// The value is not in the list.
        case notAllowed = "not_allowed"
        case tooLong = "too_long"
        case tooMany = "too_many"
        case tooFew = "too_few"
        /// A file with more bytes than the model takes.
        case tooLarge = "too_large"
        /// A number that is not within the bounds.
        case outOfRange = "out_of_range"
        /// The value does not go with another of the request.
        case conflict
        case malformed
        case unknownField = "unknown_field"
        case unknownModel = "unknown_model"
        case modelUnavailable = "model_unavailable"
        case notFound = "not_found"
    }

    public init(field: String, code: Code, message: String, given: String? = nil, allowed: [String]? = nil) {
        self.field = field
        self.code = .known(code)
        self.message = message
        // By scalars: one character may be of any length.
        self.given = given.map { String(String.UnicodeScalarView($0.unicodeScalars.prefix(200))) }
        self.allowed = allowed
    }
}
