import HTTPTransport
public import JobStore
import VeniceTransport
import VideoModels

/// What a fresh list of models has brought.
public struct ModelRefresh: Encodable, Hashable, Sendable {
    public var models = 0
    /// Ids that the list before did not have, and those that it alone had.
    public var added: [String] = []
    public var removed: [String] = []
    /// Why there is no fresh list; the last one stands.
    public var problem: String?
}

extension Configuration {
    /// Asks the upstream for its models, keeps them, and lets every process know. Costs nothing.
    public func refreshModels(in store: PostgresStore) async throws -> ModelRefresh {
        let http = CurlHTTPClient(transport)
        defer { http.stop() }
        return try await refreshModels(in: store, asking: Accounts(self, http: http).first)
    }

    func refreshModels(in store: PostgresStore, asking venice: VeniceClient) async throws -> ModelRefresh {
        let before = Set(try await store.savedModels(account: venice.account.id)?.map(\.id) ?? [])
        let list: [VideoModel]
        do throws(VeniceError) { list = try await venice.models().models } catch {
            return ModelRefresh(models: before.count, problem: "\(error)")
        }
        guard !list.isEmpty else {
            return ModelRefresh(models: before.count, problem: "the upstream's list is empty; the last one stands")
        }
        try await store.save(list, account: venice.account.id)
        try await store.tellOfModels()
        let ids = Set(list.map(\.id))
        return ModelRefresh(
            models: ids.count, added: ids.subtracting(before).sorted(), removed: before.subtracting(ids).sorted())
    }
}
