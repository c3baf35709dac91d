import Crypto
import Foundation
import JobStore
import VideoModels

/// Signs links to one video, and reads them back.
///
/// A link is a path segment of 104 characters: version, key, user, video, expiry and an HMAC-SHA-256 over all of these, in
/// base64url. The newest key signs; links that former keys signed stay good until they expire or the key goes.
struct LinkKeys: Sendable {
    struct Link: Hashable, Sendable {
        var user: UserID
        var video: VideoID
        /// Whole seconds.
        var expiresAt: Date
    }

    private struct Key: Sendable {
        /// Says which key signed, and nothing of it.
        let id: [UInt8]
        private let secret: Redacted<[UInt8]>

        init(_ secret: Redacted<[UInt8]>) {
            self.secret = secret
            let key = SymmetricKey(data: secret.reveal())
            id = Array(HMAC<SHA256>.authenticationCode(for: Data("gondola link key".utf8), using: key).prefix(keyBytes))
        }

        func sign(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
            Array(HMAC<SHA256>.authenticationCode(for: bytes, using: SymmetricKey(data: secret.reveal())))
        }

        /// In a time that does not depend on where the two differ.
        func isRight(_ signature: ArraySlice<UInt8>, for bytes: ArraySlice<UInt8>) -> Bool {
            HMAC<SHA256>.isValidAuthenticationCode(
                signature, authenticating: bytes, using: SymmetricKey(data: secret.reveal()))
        }
    }

    private static let version: UInt8 = 1
    private static let keyBytes = 5
    /// A multiple of three, so that each text stands for other bytes: no character could be changed unnoticed.
    private static let signedBytes = 1 + keyBytes + 16 + 16 + 8
    private static let length = (signedBytes + 32) / 3 * 4

    private let keys: [Key]

    /// - Parameter secrets: of 32 bytes; the first signs.
    init(_ secrets: [Redacted<[UInt8]>]) {
        precondition(!secrets.isEmpty, "somebody has to sign")
        keys = secrets.map { Key($0) }
    }

    func sign(_ link: Link) -> Redacted<String> {
        let seconds = UInt64(max(0, link.expiresAt.timeIntervalSince1970))
        var bytes = [Self.version] + keys[0].id
        bytes += withUnsafeBytes(of: link.user.uuid.uuid, Array.init)
        bytes += withUnsafeBytes(of: link.video.uuid.uuid, Array.init)
        bytes += withUnsafeBytes(of: seconds.bigEndian, Array.init)
        bytes += keys[0].sign(bytes[...])
        let text = Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
        return Redacted(text)
    }

    /// Nil for anything that no key of ours has signed. Whether it is still good is for the caller to ask.
    func read(_ text: String) -> Link? {
        guard text.utf8.count == Self.length, !text.utf8.contains(where: { $0 == 0x2B || $0 == 0x2F }),
            let data = Data(base64Encoded: text.replacing("-", with: "+").replacing("_", with: "/"))
        else { return nil }
        let bytes = Array(data)
        guard bytes.count == Self.signedBytes + 32, bytes[0] == Self.version else { return nil }
        let (signed, signature) = (bytes[..<Self.signedBytes], bytes[Self.signedBytes...])
        let id = bytes[1..<(1 + Self.keyBytes)]
        guard keys.contains(where: { $0.id.elementsEqual(id) && $0.isRight(signature, for: signed) }) else {
            return nil
        }
        return Link(signed: signed)
    }
}

extension LinkKeys {
    /// Keys from a file, a line each, the newest first; without one, a key that follows from the one for secrets in the
    /// database, which all processes share anyway.
    init(file: String?, secrets: SecretBox) throws(SetupError) {
        guard let file else {
            self.init(secrets.derivedKeys(for: "gondola signed links"))
            return
        }
        let text: String
        do { text = try SecretFile.read(file) } catch {
            throw SetupError("GONDOLA_LINK_KEYS_FILE must name \(SecretFile.expected): \(error)")
        }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        let keys = lines.filter { !$0.isEmpty }.map { Data(base64Encoded: $0).map { Array($0) } }
        let whole = keys.compactMap { $0?.count == 32 ? $0 : nil }
        guard !whole.isEmpty, whole.count == keys.count else {
            throw SetupError(
                "GONDOLA_LINK_KEYS_FILE: each line must be a key, 32 bytes in base64 (head -c 32 /dev/urandom | base64)"
            )
        }
        self.init(whole.map { Redacted($0) })
    }
}

extension LinkKeys.Link {
    /// From bytes whose signature is right.
    fileprivate init(signed bytes: ArraySlice<UInt8>) {
        let fields = bytes.dropFirst(6)
        func uuid(at offset: Int) -> UUID {
            Array(fields.dropFirst(offset).prefix(16)).withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
        }
        user = UserID(uuid(at: 0))
        video = VideoID(uuid(at: 16))
        let seconds = fields.dropFirst(32).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        expiresAt = Date(timeIntervalSince1970: Double(seconds))
    }
}
