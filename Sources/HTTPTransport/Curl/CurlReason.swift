import CCurl

extension HTTPClientError.Reason {
    /// libcurl's verdict as what it means to the caller.
    init(_ code: CURLcode, sent: HTTPClientError.Sent) {
        self =
            switch code {
            case CURLE_URL_MALFORMAT: .invalidRequest
            // Either the scheme, or an answer without a status line (HTTP/0.9).
            case CURLE_UNSUPPORTED_PROTOCOL: sent == .nothing ? .invalidRequest : .malformed
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .unresolved
            case CURLE_COULDNT_CONNECT, CURLE_PROXY, CURLE_INTERFACE_FAILED: .unreachable
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
                CURLE_SSL_CERTPROBLEM,
                CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CRL_BADFILE:
                .tls
            // The one timeout that libcurl keeps is the one for connecting.
            case CURLE_OPERATION_TIMEDOUT: .timedOut(.connect)
            case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_SEND_FAIL_REWIND: .interrupted
            case CURLE_PARTIAL_FILE: .truncated
            case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_WRITE_ERROR:
                .malformed
            default: .other(code: Int(code.rawValue))
            }
    }
}
