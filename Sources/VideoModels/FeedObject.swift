/// A type whose objects the feed carries.
public protocol FeedObject: Hashable, Sendable {
    associatedtype ID: Hashable & Sendable & LosslessStringConvertible

    var id: ID { get }
    static var kind: Change.Kind { get }

    /// Nil for an object of another kind.
    init?(_ object: Change.Object)
}

extension Job: FeedObject {
    public static var kind: Change.Kind { .job }

    public init?(_ object: Change.Object) {
        guard case .job(let job) = object else { return nil }
        self = job
    }
}

extension Video: FeedObject {
    public static var kind: Change.Kind { .video }

    public init?(_ object: Change.Object) {
        guard case .video(let video) = object else { return nil }
        self = video
    }
}

extension UserSettings: FeedObject {
    public static var kind: Change.Kind { .settings }

    public init?(_ object: Change.Object) {
        guard case .settings(let settings) = object else { return nil }
        self = settings
    }
}

extension Spending: FeedObject {
    public static var kind: Change.Kind { .spending }

    public init?(_ object: Change.Object) {
        guard case .spending(let spending) = object else { return nil }
        self = spending
    }
}

extension Change {
    /// It holds an object, and not only its version.
    fileprivate var isReadable: Bool { if case .unknown = object { false } else { true } }
}

/// The objects of one type in a copy of the feed, by their identifiers. Equal where objects and versions are.
public struct FeedObjects<Object: FeedObject>: Equatable, Sendable {
    let entries: [String: MemoryChangeStore.Entry]

    /// The object of that name; nil if there is none.
    public subscript(id: Object.ID) -> Object? { entries[id.description].flatMap { Object($0.change.object) } }

    public var count: Int { entries.values.count { $0.change.isReadable } }
    public var isEmpty: Bool { !entries.values.contains { $0.change.isReadable } }
    /// In no order.
    public var keys: [Object.ID] { entries.compactMap { $1.change.isReadable ? Object.ID($0) : nil } }
    /// In no order.
    public var values: [Object] { entries.values.compactMap { Object($0.change.object) } }

    public static func == (one: Self, other: Self) -> Bool {
        one.entries.mapValues(\.change) == other.entries.mapValues(\.change)
    }
}
