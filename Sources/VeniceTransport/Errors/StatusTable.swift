/// What a status means at an endpoint (PROTOCOL §12.2). `VeniceError.init` refines some of it by the body.
enum Verdict: Hashable, Sendable {
    /// Fix the request.
    case invalid
    /// Key, permission, region.
    case account
    case payment
    /// Model, job or file: not there.
    case gone
    case consent
    /// Content policy or media out of bounds.
    case refused
    case throttled
    case passing
    /// Passing, or the repeated end of a job.
    case passingOrFinal
    /// A submission that may have been taken.
    case unknownOutcome
    case unexpected
}

enum StatusTable {
    /// One row a status, the columns in the order of `columns`.
    static let rows: [(status: Int, verdicts: [Verdict])] = [
        //     models       quote        queue            retrieve         complete     rateLimits   download       deleteDownload
        (400, [.unexpected, .invalid, .invalid, .invalid, .gone, .unexpected, .passingOrFinal, .gone]),
        (401, [.account, .account, .account, .account, .account, .account, .passingOrFinal, .gone]),
        (402, [.payment, .payment, .payment, .payment, .payment, .payment, .passingOrFinal, .gone]),
        (403, [.account, .account, .account, .account, .account, .account, .passingOrFinal, .gone]),
        (404, [.unexpected, .gone, .gone, .gone, .gone, .unexpected, .gone, .gone]),
        (409, [.unexpected, .invalid, .consent, .passing, .passing, .unexpected, .passingOrFinal, .passing]),
        (410, [.unexpected, .gone, .gone, .gone, .gone, .unexpected, .gone, .gone]),
        (413, [.unexpected, .invalid, .invalid, .invalid, .invalid, .unexpected, .passingOrFinal, .gone]),
        (415, [.unexpected, .invalid, .invalid, .invalid, .invalid, .unexpected, .passingOrFinal, .gone]),
        (422, [.unexpected, .refused, .refused, .refused, .invalid, .unexpected, .passingOrFinal, .gone]),
        (429, [.throttled, .throttled, .throttled, .throttled, .throttled, .throttled, .throttled, .throttled]),
        (500, [.passing, .passing, .unknownOutcome, .passingOrFinal, .passing, .passing, .passing, .passing]),
        (502, [.passing, .passing, .unknownOutcome, .passing, .passing, .passing, .passing, .passing]),
        (503, [.passing, .passing, .unknownOutcome, .passing, .passing, .passing, .passing, .passing]),
        (504, [.passing, .passing, .unknownOutcome, .passing, .passing, .passing, .passing, .passing]),
    ]

    static let columns: [VeniceEndpoint] = [
        .models, .quote, .queue, .retrieve, .complete, .rateLimits, .download, .deleteDownload,
    ]

    /// For a status without a row, its class decides. A submission counts as refused only where that is certain: a
    /// timeout of the edge (408), a redirect and any 5xx may hide one that was taken.
    static func verdict(_ endpoint: VeniceEndpoint, _ status: Int) -> Verdict {
        if let row = rows.first(where: { $0.status == status }), let column = columns.firstIndex(of: endpoint) {
            return row.verdicts[column]
        }
        let isSubmission = endpoint == .queue
        switch status {
        case 408: return isSubmission ? .unknownOutcome : .passing
        case 400..<500: return isSubmission || endpoint == .quote ? .invalid : .unexpected
        case 500..<600: return isSubmission ? .unknownOutcome : .passing
        default: return isSubmission ? .unknownOutcome : .unexpected
        }
    }
}
