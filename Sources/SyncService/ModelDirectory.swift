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
    private let known = Mutex(Known())

    private struct Known {
        var models: [String: VideoModel] = [:]
        /// What the upstream's refusals taught and its listing cannot say, by model and field.
        var lessons: [String: [String: Finding]] = [:]
    }

    init(store: PostgresStore, venice: VeniceClient, refreshInterval: TimeInterval, log: Logger) {
        self.store = store
        self.venice = venice
        self.refreshInterval = refreshInterval
        self.log = log
    }

    /// By id.
    var all: [VideoModel] { known.withLock { $0.models.values.sorted { $0.id < $1.id } } }

    enum Found {
        case found(VideoModel)
        case gone(Failure)
        /// There is no list yet, which says nothing about the model.
        case notLoaded
    }

    func find(_ id: String) -> Found {
        known.withLock { known in
            if let model = known.models[id] { return .found(model) }
            return known.models.isEmpty ? .notLoaded : .gone(Failure(.refused, "The model \(id) is no longer offered."))
        }
    }

    /// True once there is a list, from the upstream or from the database.
    var isLoaded: Bool { known.withLock { !$0.models.isEmpty } }

    /// Corrects a model from what the upstream found wrong with a request that fitted it.
    ///
    /// What the listing speaks of holds until the next listing; the rest holds as long as this process, since no listing
    /// could say otherwise.
    func learn(from error: VeniceError, about id: String) {
        // Only a 400 of the upstream speaks of the model; our own refusals have no status.
        guard case .invalid(let findings, let evidence) = error, evidence.status == 400 else { return }
        let isNews = known.withLock { known in
            guard known.models[id]?.repair(from: findings) == true else { return false }
            // One a field, so there are never more than a request has fields.
            for finding in findings where VideoRequest.Field(rawValue: finding.field) != nil {
                if !VideoModel.isListed(finding) { known.lessons[id, default: [:]][finding.field] = finding }
            }
            return true
        }
        guard isNews else { return }
        let fields = Set(findings.map(\.field)).sorted().prefix(20).joined(separator: ", ")
        log.warning(
            "the upstream refused what its models list allows", metadata: ["model": "\(id)", "fields": "\(fields)"])
    }

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

    func refresh() async -> Bool {
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
        known.withLock { known in
            known.models = Dictionary(list.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            // A model that has left leaves its lessons behind.
            known.lessons = known.lessons.filter { known.models[$0.key] != nil }
            for (id, lessons) in known.lessons { _ = known.models[id]?.repair(from: Array(lessons.values)) }
        }
    }
}
