import Foundation

/// Writes down what the phone's API answered, for the check against its description.
///
/// `API_EXCHANGES` names a file, which grows by one line of JSON an answer; without it nothing is kept.
public enum ExchangeRecord {
    private static let file: Int32 = {
        guard let path = ProcessInfo.processInfo.environment["API_EXCHANGES"], !path.isEmpty else { return -1 }
        return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    }()

    public static func note(
        _ method: String, _ path: String, status: Int, headers: [(String, String)], body: [UInt8]
    ) {
        // Other listeners are none of the phone's.
        guard file >= 0, path.hasPrefix("/v1/") else { return }
        let fields = Dictionary(headers.map { ($0.0.lowercased(), $0.1) }, uniquingKeysWith: { first, _ in first })
        var exchange: [String: Any] = ["method": method, "path": path, "status": status, "headers": fields]
        // Bytes of media are not described, but by their type.
        if fields["content-type"]?.contains("json") == true { exchange["body"] = String(decoding: body, as: UTF8.self) }
        guard let line = try? JSONSerialization.data(withJSONObject: exchange, options: .withoutEscapingSlashes) else {
            return
        }
        let bytes = [UInt8](line) + [UInt8(ascii: "\n")]
        // One write each, so that lines of several processes do not mix.
        _ = write(file, bytes, bytes.count)
    }
}
