/// A secret that does not print itself: a key, a token, a signed link.
///
/// It has no `Codable` conformance on purpose. `reveal()` is the one way to the value, and easy to search for.
public struct Redacted<Value: Sendable>: Sendable {
    private let value: Value

    public init(_ value: Value) { self.value = value }

    /// The value in the clear. Whoever calls this answers for where it goes.
    public func reveal() -> Value { value }
}

extension Redacted: Equatable where Value: Equatable {}
extension Redacted: Hashable where Value: Hashable {}

extension Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "‹redacted›" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
