/// A statement's parameters as libpq wants them, in one piece of memory.
enum Parameters {
    typealias Pointers = [UnsafePointer<CChar>?]

    static func with<T>(_ values: [Value], _ body: (Int32, Pointers, [Int32], [Int32]) -> T) -> T {
        var memory: [UInt8] = []
        memory.reserveCapacity(values.reduce(0) { $0 + size(of: $1) })
        var starts: [Int?] = []
        for value in values {
            starts.append(value == .null ? nil : memory.count)
            append(value, to: &memory)
        }
        let lengths = values.map { Int32(size(of: $0)) }
        let formats = values.map { $0.isBinary ? 1 : 0 as Int32 }
        return memory.withUnsafeBytes { bytes in
            // An empty array has no address, and none of its values needs one but that of nothing.
            let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            let pointers: Pointers = starts.map { start in start.flatMap { start in base.map { $0 + start } } }
            return body(Int32(values.count), pointers, lengths, formats)
        }
    }

    private static func append(_ value: Value, to memory: inout [UInt8]) {
        switch value {
        case .null: break
        case .text(let text):
            memory.append(contentsOf: text.utf8)
            memory.append(0)
        case .binary(let bytes):
            memory.append(contentsOf: bytes)
            // So that the address of empty bytes is one.
            memory.append(0)
        }
    }

    private static func size(of value: Value) -> Int {
        switch value {
        case .null: 0
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }
}

extension Value {
    fileprivate var isBinary: Bool { if case .binary = self { true } else { false } }
}
