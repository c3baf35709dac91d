import Foundation

/// A JSON list in a file, written element by element.
struct JSONList: Sendable {
    private let file: File
    private(set) var count = 0

    init(at path: String) throws {
        file = try File(at: path)
        try file.write(Data("[".utf8))
    }

    /// One line an element, so that ordinary tools can look into a large one.
    mutating func add(_ json: Data) throws {
        try file.write(Data((count == 0 ? "\n" : ",\n").utf8) + json)
        count += 1
    }

    /// Ends the list; it is durable on return.
    func close() throws {
        try file.write(Data("\n]\n".utf8))
        try file.close()
    }

    /// A new file whose bytes are durable once it is closed.
    struct File: Sendable {
        private let handle: FileHandle

        init(at path: String) throws {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw SetupError("\(path) cannot be written: \(String(cString: strerror(errno)))")
            }
            handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        }

        func write(_ data: Data) throws {
            do { try handle.write(contentsOf: data) } catch {
                throw SetupError("the export cannot be written: \(error.localizedDescription)")
            }
        }

        func close() throws {
            do {
                try handle.synchronize()
                try handle.close()
            } catch {
                throw SetupError("the export cannot be written: \(error.localizedDescription)")
            }
        }
    }
}
