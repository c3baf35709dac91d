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
    private let now: @Sendable () -> Date
    private let known = Mutex(KnownModels())

    init(
        store: PostgresStore, venice: VeniceClient, refreshInterval: TimeInterval, log: Logger,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.store = store
        self.venice = venice
        self.refreshInterval = refreshInterval
        self.log = log
        self.now = now
    }

    /// By id.
    var all: [VideoModel] { known.withLock { $0.all(at: now()) }.sorted { $0.id < $1.id } }

    enum Found {
        case found(VideoModel)
        case gone(Failure)
        /// There is no list yet, which says nothing about the model.
        case notLoaded
    }

    func find(_ id: String) -> Found {
        known.withLock { known in
            if let model = known.model(id, at: now()) { return .found(model) }
            return known.isEmpty ? .notLoaded : .gone(Failure(.refused, "The model \(id) is no longer offered."))
        }
    }

    /// True once there is a list, from the upstream or from the database.
    var isLoaded: Bool { known.withLock { !$0.isEmpty } }

    /// Corrects a model from what the upstream found wrong with a request that fitted it.
    ///
    /// What the listing speaks of holds until the next listing, and everything for at most an hour: no listing could say
    /// otherwise of the rest, and a lesson may be wrong.
    func learn(from error: VeniceError, about id: String) {
        // Only a 400 of the upstream speaks of the model; our own refusals have no status.
        guard case .invalid(let findings, let evidence) = error, evidence.status == 400 else { return }
        let fields = known.withLock { known in
            // Each alone, so that only what taught something is kept.
            findings.filter { known.learn($0, about: id, at: now()) }.map(\.field)
        }
        guard !fields.isEmpty else { return }
        log.warning(
            "the upstream refused what its listing allows",
            metadata: ["model": "\(id)", "fields": "\(fields.joined(separator: ", "))"])
    }

    /// Loads what the database remembers, else asks the upstream once.
    func load() async {
        if let saved = try? await store.savedModels(account: venice.account.id) {
            known.withLock { $0.set(saved) }
        } else {
            _ = await refresh()
        }
    }

    /// Refreshes until cancelled.
    func run(_ heartbeat: Heartbeat? = nil) async {
        defer { heartbeat?.end() }
        let bell = Bell()
        var failures = 0
        while !Task.isCancelled {
            heartbeat?.beat()
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
            known.withLock { $0.set(catalogue.models) }
            try await store.save(catalogue.models, account: venice.account.id)
            return true
        } catch {
            log.warning("cannot refresh the models", metadata: ["error": "\(error)", "known": "\(all.count)"])
            return false
        }
    }
}

/// The upstream's list, and what its refusals have taught since.
private struct KnownModels {
    private var listed: [String: VideoModel] = [:]
    /// By model, the oldest first.
    private var lessons: [String: [Lesson]] = [:]

    private struct Lesson {
        var finding: Finding
        var time: Date

        /// A clock that was set back makes no lesson last longer.
        func isFresh(at now: Date) -> Bool { (0..<3600).contains(now.timeIntervalSince(time)) }
    }

    var isEmpty: Bool { listed.isEmpty }

    func all(at now: Date) -> [VideoModel] { listed.keys.compactMap { model($0, at: now) } }

    func model(_ id: String, at now: Date) -> VideoModel? {
        guard var model = listed[id] else { return nil }
        for lesson in lessons[id] ?? [] where lesson.isFresh(at: now) { _ = model.repair(from: [lesson.finding]) }
        return model
    }

    /// Whether that was news.
    mutating func learn(_ finding: Finding, about id: String, at now: Date) -> Bool {
        guard var model = model(id, at: now), model.repair(from: [finding]) else { return false }
        // One a field and code, so they are bounded.
        lessons[id, default: []].removeAll {
            !$0.isFresh(at: now) || ($0.finding.field == finding.field && $0.finding.code == finding.code)
        }
        lessons[id, default: []].append(Lesson(finding: finding, time: now))
        return true
    }

    /// A newer listing knows better than the lessons on what it speaks of; a model that has left leaves its lessons behind.
    mutating func set(_ list: [VideoModel]) {
        listed = Dictionary(list.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        lessons = lessons.filter { listed[$0.key] != nil }.mapValues { lessons in
            lessons.filter { !VideoModel.isListed($0.finding) }
        }
    }
}
