/// Header fields in the order they were added; names compare without regard to case, and a name may occur more than once.
public struct HTTPHeaders: Hashable, Sendable {
    /// One header line. A secret one never shows its value in a description.
    public struct Field: Hashable, Sendable {
        public let name: String
        public let value: String
        let isSecret: Bool
    }

    public private(set) var fields: [Field] = []

    public init() {}

    /// The first value under `name`. Assigning replaces every value under that name, and nil removes them.
    public subscript(name: String) -> String? {
        get { fields.first { $0.name.equalsIgnoringCase(name) }?.value }
        set {
            fields.removeAll { $0.name.equalsIgnoringCase(name) }
            if let newValue { add(name, newValue) }
        }
    }

    /// Every value under `name`, in order.
    public func all(_ name: String) -> [String] {
        fields.filter { $0.name.equalsIgnoringCase(name) }.map(\.value)
    }

    /// Adds one line; what other lines of that name hold stays.
    ///
    /// - Parameter secret: Hides the value from every description. Credentials under their usual names are hidden anyway.
    public mutating func add(_ name: String, _ value: String, secret: Bool = false) {
        let known = Self.secretNames.contains { $0.equalsIgnoringCase(name) }
        fields.append(Field(name: name, value: value, isSecret: secret || known))
    }

    private static let secretNames = [
        "authorization", "proxy-authorization", "cookie", "set-cookie", "sign-in-with-x", "x-sign-in-with-x",
        "payment-signature", "x-payment", "x-402-payment", "x-amz-security-token",
    ]
}

extension HTTPHeaders: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }
}

extension HTTPHeaders: CustomStringConvertible, CustomReflectable {
    public var description: String { "[" + fields.map(\.description).joined(separator: ", ") + "]" }
    public var customMirror: Mirror { Mirror(self, children: ["fields": description]) }
}

extension HTTPHeaders.Field: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(name): \(isSecret ? "‹redacted›" : value)" }
    public var customMirror: Mirror { Mirror(self, children: ["field": description]) }

    /// Whether this can be written as one header line: a token for a name, and no line end smuggled into the value.
    var isValid: Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") }
            && value.utf8.allSatisfy { $0 != 0 && $0 != 10 && $0 != 13 }
    }
}

extension String {
    /// Equality of ASCII names such as header fields, hosts and media types.
    func equalsIgnoringCase(_ other: String) -> Bool {
        utf8.count == other.utf8.count && zip(utf8, other.utf8).allSatisfy { $0.asciiLowercase == $1.asciiLowercase }
    }
}

extension UInt8 {
    fileprivate var asciiLowercase: UInt8 { self >= 65 && self <= 90 ? self + 32 : self }
}
