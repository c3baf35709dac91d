import Foundation
import JobLifecycle
import JobStore
import Logging
import Synchronization
import VeniceTransport
import VideoModels

/// The models that the upstream offers, refreshed every few minutes and kept in the database for a start without it.
final class ModelDirectory: Sendable {
    private let store: PostgresStore
    private let venice: VeniceClient
    private let refreshInterval: TimeInterval
    private let log: Logger
    private let models = Mutex<[String: VideoModel]>([:])

    init(store: PostgresStore, venice: VeniceClient, refreshInterval: TimeInterval, log: Logger) {
        self.store = store
        self.venice = venice
        self.refreshInterval = refreshInterval
        self.log = log
    }

    /// By id.
    var all: [VideoModel] { models.withLock { $0.values.sorted { $0.id < $1.id } } }

    enum Found {
        case found(VideoModel)
        case gone(Failure)
        /// There is no list yet, which says nothing about the model.
        case notLoaded
    }

    func find(_ id: String) -> Found {
        models.withLock { models in
            if let model = models[id] { return .found(model) }
            return models.isEmpty ? .notLoaded : .gone(Failure(.refused, "The model \(id) is no longer offered."))
        }
    }

    /// True once there is a list, from the upstream or from the database.
    var isLoaded: Bool { models.withLock { !$0.isEmpty } }

    /// Loads what the database remembers, else asks the upstream once.
    func load() async {
        if let saved = try? await store.savedModels(account: venice.account.id) {
            set(saved)
        } else {
            _ = await refresh()
        }
    }

    /// Refreshes until cancelled.
    func run() async {
        let bell = Bell()
        var failures = 0
        while !Task.isCancelled {
            failures = await refresh() ? 0 : failures + 1
            let wait = failures == 0 ? refreshInterval : min(refreshInterval, pow(2, Double(min(failures, 10))))
            await bell.wait(atMost: .seconds(wait))
        }
    }

    private func refresh() async -> Bool {
        do {
            let catalogue = try await venice.models()
            guard !catalogue.models.isEmpty else {
                log.warning("the upstream's list of models is empty; keeping the last")
                return false
            }
            set(catalogue.models)
            try await store.save(catalogue.models, account: venice.account.id)
            return true
        } catch {
            log.warning("cannot refresh the models", metadata: ["error": "\(error)", "known": "\(all.count)"])
            return false
        }
    }

    private func set(_ list: [VideoModel]) {
        models.withLock { $0 = Dictionary(list.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }) }
    }
}
