import Foundation
import HTTPTransport
import JobStore
import VideoModels

/// The words of tus 1.0, the protocol of uploads that go on after a break (https://tus.io/protocols/resumable-upload).
enum Tus {
    static let version = "1.0.0"
    static let extensions = "creation,creation-with-upload,expiration,checksum,termination"
    static let checksums = UploadChecksum.Algorithm.allCases.map(\.rawValue).joined(separator: ",")
    /// Of a body that is part of an upload.
    static let contentType = "application/offset+octet-stream"

    private static let longestMetadata = 4096

    /// Every request names the version that it speaks.
    static func check(_ request: APIRequest) throws(Problem) {
        guard request.headers["tus-resumable"] == version else {
            throw Problem(
                status: 412, code: .unsupportedVersion, title: "Only tus \(version) is spoken here",
                detail: "Send Tus-Resumable: \(version).")
        }
    }

    static func hasPart(_ request: APIRequest) -> Bool {
        let type = request.headers["content-type"]?.split(separator: ";").first.map(trimmed)
        return type.map { APIHeaders.isSame(String($0), contentType) } ?? false
    }

    static let wrongType = Problem(
        status: 415, code: .unsupportedMediaType, title: "The body is no part of an upload",
        detail: "Content-Type must be \(contentType)")

    /// A header that must hold a whole number.
    static func number(_ name: String, in request: APIRequest) throws(Problem) -> Int64 {
        let values = request.headers.values(of: name)
        guard values.count == 1, (1...18).contains(values[0].utf8.count),
            values[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(values[0])
        else { throw Problem.malformed("\(name) must be there once, as a whole number") }
        return number
    }

    /// Pairs of a word and base64, as the client gave them and will get them back.
    static func metadata(_ request: APIRequest) throws(Problem) -> String? {
        let values = request.headers.values(of: "upload-metadata")
        guard let text = values.first, !text.isEmpty else { return nil }
        guard values.count == 1, text.utf8.count <= longestMetadata else {
            throw Problem.malformed("Upload-Metadata may be there once, with at most \(longestMetadata) bytes")
        }
        let pairs = text.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.split(separator: " ", omittingEmptySubsequences: true)
        }
        let isRight = pairs.allSatisfy { pair in
            (1...2).contains(pair.count) && pair[0].utf8.allSatisfy { (0x21...0x7E).contains($0) }
                && (pair.count == 1 || Data(base64Encoded: String(pair[1])) != nil)
        }
        guard isRight, Set(pairs.map { $0[0] }).count == pairs.count else {
            throw Problem.malformed("Upload-Metadata must be pairs of a word, each another, and base64, with commas")
        }
        return text
    }

    /// Where an upload stands.
    static func headers(of upload: UploadRecord) -> APIHeaders {
        var headers: APIHeaders = ["upload-offset": "\(upload.received)", "cache-control": "no-store"]
        if upload.isFinished {
            headers["content-location"] = "/v1/assets/\(upload.id)"
        }
        headers["upload-expires"] = HTTPDate.text(of: upload.expiresAt)
        return headers
    }
}
