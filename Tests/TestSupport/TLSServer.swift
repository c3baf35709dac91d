import Foundation

/// An authority of the test's own and what it signs, made by the openssl program; gone with this value.
public final class TestCertificates: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// For `localhost` and 127.0.0.1, signed by the authority.
        case good
        case expired, otherHost, selfSigned
    }

    public let folder: String

    /// What a client trusts.
    public var authority: String { folder + "/authority.pem" }

    public init() throws {
        folder = NSTemporaryDirectory() + "gondola-tls-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try openssl("req -x509 \(Self.newKey) -keyout authority.key -out authority.pem -days 30 -subj /CN=authority")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Writes `KIND.pem` and `KIND.key`.
    func make(_ kind: Kind) throws {
        let name = kind.rawValue
        let host = kind == .otherHost ? "DNS:elsewhere.example" : "DNS:localhost,IP:127.0.0.1"
        if kind == .selfSigned {
            try openssl(
                "req -x509 \(Self.newKey) -keyout \(name).key -out \(name).pem -days 30 -subj /CN=self "
                    + "-addext subjectAltName=\(host)")
            return
        }
        try Data("subjectAltName=\(host)\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).names"))
        try openssl("req \(Self.newKey) -keyout \(name).key -out \(name).csr -subj /CN=server")
        try openssl(
            "x509 -req -in \(name).csr -CA authority.pem -CAkey authority.key -CAcreateserial -out \(name).pem "
                + "-days \(kind == .expired ? -1 : 30) -extfile \(name).names")
    }

    private func openssl(_ arguments: String) throws {
        let child = try ChildProcess("openssl " + arguments, in: folder)
        guard child.wait() == 0 else { throw CocoaError(.executableLoad) }
    }

    private static let newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
}

/// `openssl s_server` on a loopback port: answers a GET with the file of that name, and drops any other request.
public final class TLSServer: Sendable {
    public let port: Int
    private let process: ChildProcess

    /// - Parameter answers: A path without its first slash, and the JSON that is there.
    public init(
        _ certificates: TestCertificates, _ kind: TestCertificates.Kind = .good, options: String = "",
        answers: [String: String] = [:]
    ) throws {
        try certificates.make(kind)
        for (path, body) in answers {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            try Data((head + body).utf8).write(to: URL(fileURLWithPath: certificates.folder + "/" + path))
        }
        let files = "-cert \(kind.rawValue).pem -key \(kind.rawValue).key"
        let pipe = Pipe()
        process = try ChildProcess(
            "openssl s_server -accept 127.0.0.1:0 \(files) -HTTP \(options)", in: certificates.folder,
            output: pipe.fileHandleForWriting.fileDescriptor)
        try pipe.fileHandleForWriting.close()
        port = try Self.announcedPort(pipe.fileHandleForReading)
    }

    deinit { process.end() }

    /// It says `ACCEPT 127.0.0.1:PORT` once it listens.
    private static func announcedPort(_ output: FileHandle) throws -> Int {
        var text = ""
        while case let more = output.availableData, !more.isEmpty {
            text += String(decoding: more, as: UTF8.self)
            guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("ACCEPT") }), text.last == "\n"
            else { continue }
            if let port = line.split(separator: ":").last.flatMap({ Int($0) }) { return port }
        }
        throw CocoaError(.executableLoad)
    }
}
