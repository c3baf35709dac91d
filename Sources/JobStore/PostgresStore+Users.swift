import Crypto
public import Foundation
public import VideoModels

/// A user as the operator sees it.
public struct UserRecord: Hashable, Sendable, Codable {
    public var id: UserID
    public var name: String
    public var createdAt: Date
    public var devices: Int
    public var jobs: Int
    /// Settled less refunded, over all time.
    public var spent: Money
    /// What counts against budgets: of this day's and this month's (UTC) reservations.
    public var spentToday = Money.zero
    public var spentThisMonth = Money.zero
    /// Whether the budget is the user's own; without it the deployment's default counts.
    public var hasOwnBudget = false
    /// Of an own budget; nil is no limit.
    public var budgetPerDay: Money?
    public var budgetPerMonth: Money?
    /// Jobs under way.
    public var activeJobs = 0
    /// The most that may be at once; nil for the deployment's limit.
    public var activeLimit: Int?

    enum CodingKeys: String, CodingKey {
        case id, name, devices, jobs, spent
        case activeJobs = "active_jobs"
        case activeLimit = "active_limit"
        case createdAt = "created_at"
        case spentToday = "spent_today"
        case spentThisMonth = "spent_this_month"
        case hasOwnBudget = "has_own_budget"
        case budgetPerDay = "budget_per_day"
        case budgetPerMonth = "budget_per_month"
    }
}

/// A device of a user, without its token, which nobody has but the device.
public struct DeviceRecord: Hashable, Sendable, Codable {
    public var id: DeviceID
    public var user: UserID
    public var userName: String
    public var name: String
    public var createdAt: Date
    public var revokedAt: Date?

    enum CodingKeys: String, CodingKey {
        case id, name
        case user = "user_id"
        case userName = "user_name"
        case createdAt = "created_at"
        case revokedAt = "revoked_at"
    }
}

extension PostgresStore {
    public func addUser(named name: String, id: UserID) async throws -> UserRecord {
        do {
            return try await pool.run { connection in
                let rows = try connection.execute(UserStatements.add, [.id(id), .text(name)])
                guard let created = try rows.first({ try $0.date("created_at") }) else {
                    throw PostgresError.unexpectedRow("an inserted user was not returned")
                }
                return UserRecord(id: id, name: name, createdAt: created, devices: 0, jobs: 0, spent: .zero)
            }
        } catch PostgresError.constraint(name: "users_name_key", _) {
            throw StoreError.nameTaken(name)
        }
    }

    public func users(limit: Int) async throws -> [UserRecord] {
        try await pool.run { connection in
            try connection.execute(UserStatements.list, [.int(limit)]).map { row in
                UserRecord(
                    id: try row.id("id"), name: try row.text("name"), createdAt: try row.date("created_at"),
                    devices: try row.int("devices"), jobs: try row.int("jobs"), spent: try row.money("spent"),
                    spentToday: try row.money("today"), spentThisMonth: try row.money("this_month"),
                    hasOwnBudget: try row.bool("has_own_budget"),
                    budgetPerDay: try row.optional("budget_per_day", Row.money),
                    budgetPerMonth: try row.optional("budget_per_month", Row.money),
                    activeJobs: try row.int("active_jobs"), activeLimit: try row.optional("active_limit", Row.int))
            }
        }
    }

    /// Finds a user by id or by name.
    public func user(_ idOrName: String) async throws -> UserID {
        let found = try await pool.run { connection in
            try connection.execute(UserStatements.find, [.text(idOrName)]).first { try $0.id("id") as UserID }
        }
        guard let found else { throw StoreError.notFound }
        return found
    }

    /// Makes a device and its bearer token: `gdl_` and 32 random bytes in base64url.
    ///
    /// This is the only time that the token is to be had; the database keeps its SHA-256.
    public func issueToken(user: UserID, device: DeviceID, name: String) async throws -> Redacted<String> {
        let secret = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
        let text = secret.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
            "=", with: "")
        let token = Redacted("gdl_" + text)
        let hash = Self.hash(of: token)
        do {
            try await pool.run { connection in
                _ = try connection.execute(
                    UserStatements.addDevice, [.id(user), .id(device), .text(name), .bytes(hash)])
            }
        } catch PostgresError.constraint(name: "devices_user_id_fkey", _) {
            throw StoreError.notFound
        }
        return token
    }

    /// Whose token this is; nil for one that is unknown or revoked.
    public func authenticate(_ token: Redacted<String>) async throws -> (user: UserID, device: DeviceID)? {
        let hash = Self.hash(of: token)
        return try await pool.run { connection in
            try connection.execute(UserStatements.authenticate, [.bytes(hash)]).first { row in
                (user: try row.id("user_id"), device: try row.id("id"))
            }
        }
    }

    /// Ends a device's access at once. Returns the device's name.
    public func revokeToken(device: DeviceID) async throws -> String {
        let name = try await pool.run { connection in
            try connection.execute(UserStatements.revoke, [.id(device)]).first { try $0.text("name") }
        }
        guard let name else { throw StoreError.notFound }
        return name
    }

    public func devices(of user: UserID?, limit: Int) async throws -> [DeviceRecord] {
        try await pool.run { connection in
            try connection.execute(UserStatements.devices, [.optional(user, { .id($0) }), .int(limit)]).map { row in
                DeviceRecord(
                    id: try row.id("id"), user: try row.id("user_id"), userName: try row.text("user_name"),
                    name: try row.text("name"), createdAt: try row.date("created_at"),
                    revokedAt: try row.optional("revoked_at", Row.date))
            }
        }
    }

    private static func hash(of token: Redacted<String>) -> [UInt8] {
        Array(SHA256.hash(data: Data(token.reveal().utf8)))
    }
}
