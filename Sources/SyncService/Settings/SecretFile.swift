import Foundation

/// A file that holds a secret and nothing else.
enum SecretFile {
    /// Keys are short; anything longer is another file.
    private static let longest = 64 << 10

    /// What a file has to be, for whoever named another one.
    static let expected = "a readable file, closed to others (chmod o-rwx), with the secret and nothing else"

    /// Reads it whole. Throws where anybody on the machine could read it too, as ssh does with its keys; a group may, so
    /// that a service can be let in.
    static func read(_ path: String) throws(Unusable) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Unusable(String(cString: strerror(errno))) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw Unusable(String(cString: strerror(errno))) }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw Unusable("it is no file") }
        guard facts.st_mode & S_IRWXO == 0 else {
            let mode = String(facts.st_mode & 0o777, radix: 8)
            throw Unusable("it is open to everybody on this machine (mode \(mode))")
        }
        guard facts.st_size <= Self.longest, let data = try? file.read(upToCount: Self.longest) ?? Data() else {
            throw Unusable("it cannot be read, or is too long for a secret")
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// Why a file is not read. Holds neither its content nor its name, which may be a secret that was put in the wrong
    /// place.
    struct Unusable: Error, Hashable, CustomStringConvertible {
        var description: String

        init(_ description: String) { self.description = description }
    }

    /// What to tell whoever named a file that threw this.
    static func expectation(after error: any Error) -> String {
        (error as? Unusable).map { "\(expected): \($0)" } ?? expected
    }
}
