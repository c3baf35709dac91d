import NIOCore

/// How the client will know where an answer ends.
enum ResponseFraming: Hashable {
    /// The status says that there is no body, and no length is given.
    case none
    case length(Int64)
    case chunked
    /// For HTTP/1.0: the body ends with the connection.
    case untilClose
}

extension ByteBuffer {
    /// A status line and header fields. The framing fields are ours; what the handler says about them is left out.
    mutating func writeHead(of response: APIResponse, framing: ResponseFraming, requestID: String, keepAlive: Bool) {
        writeString("HTTP/1.1 \(response.status) ")
        writeString(reasonPhrase(response.status))
        writeString("\r\n")
        for field in response.headers.fields where !isOurs(field.name) { writeField(field.name, field.value) }
        writeField("x-request-id", requestID)
        switch framing {
        case .none, .untilClose: break
        case .length(let length): writeString("content-length: \(length)\r\n")
        case .chunked: writeString("transfer-encoding: chunked\r\n")
        }
        if !keepAlive { writeString("connection: close\r\n") }
        writeString("\r\n")
    }

    private mutating func writeField(_ name: String, _ value: String) {
        writeString(name)
        writeString(": ")
        writeString(value)
        writeString("\r\n")
    }

    mutating func writeChunk(_ bytes: ByteBuffer) {
        writeString(String(bytes.readableBytes, radix: 16))
        writeString("\r\n")
        writeImmutableBuffer(bytes)
        writeString("\r\n")
    }
}

private func isOurs(_ name: String) -> Bool {
    switch name.utf8.count {
    case 10: APIHeaders.isSame(name, "connection")
    case 12: APIHeaders.isSame(name, "x-request-id")
    case 14: APIHeaders.isSame(name, "content-length")
    case 17: APIHeaders.isSame(name, "transfer-encoding")
    default: false
    }
}

private func reasonPhrase(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 402: "Payment Required"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 423: "Locked"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    // The phrase may be empty; nobody reads it but people.
    default: ""
    }
}
