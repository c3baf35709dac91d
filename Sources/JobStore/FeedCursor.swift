public import Foundation
public import VideoModels

/// A place in a user's feed. Opaque to phones: they give it back as they got it.
public struct FeedCursor: Hashable, Sendable {
    /// The history of the data that the cursor belongs to.
    public var epoch: UUID
    public var user: UserID
    public var place: Place

    public enum Place: Hashable, Sendable {
        /// Inside a snapshot that ends at `upper`: objects below `below` are still to come.
        case snapshot(upper: Int64, below: Int64)
        /// All up to `sequence` is known.
        case changes(sequence: Int64)
    }

    public init(epoch: UUID, user: UserID, place: Place) {
        self.epoch = epoch
        self.user = user
        self.place = place
    }

    public enum Invalid: Error, Hashable, Sendable { case malformed, foreign }

    /// `1.<epoch>.<user>.s<upper>-<below>` or `….c<sequence>`
    public var text: String {
        let prefix = "1.\(epoch.uuidString.lowercased()).\(user)."
        return switch place {
        case .snapshot(let upper, let below): "\(prefix)s\(upper)-\(below)"
        case .changes(let sequence): "\(prefix)c\(sequence)"
        }
    }

    /// Reads a cursor that `user` gave back.
    public init(_ text: String, user: UserID) throws(Invalid) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 200, parts.count == 4, parts[0] == "1", let epoch = UUID(uuidString: String(parts[1])),
            let owner = UserID(String(parts[2])), let place = Self.place(parts[3])
        else { throw .malformed }
        guard owner == user else { throw .foreign }
        self.init(epoch: epoch, user: user, place: place)
    }

    private static func place(_ text: Substring) -> Place? {
        let numbers = text.dropFirst().split(separator: "-", omittingEmptySubsequences: false).map { digits in
            digits.allSatisfy(\.isNumber) ? Int64(digits) : nil
        }
        switch (text.first, numbers.count) {
        case ("s", 2):
            guard let upper = numbers[0], let below = numbers[1], below <= upper else { return nil }
            return .snapshot(upper: upper, below: below)
        case ("c", 1): return numbers[0].map { .changes(sequence: $0) }
        default: return nil
        }
    }
}
