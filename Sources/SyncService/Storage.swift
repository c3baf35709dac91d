import Foundation
import HTTPTransport
import Logging
import ObjectStorage
import Synchronization
import VideoModels

/// The object store of a process, and whether it is fit to take what will be paid for.
struct Storage: Sendable {
    let objects: any ObjectStore
    /// Below so many free bytes nothing new is begun.
    let floor: Int64
    /// Of a store that is a service.
    private let http: CurlHTTPClient?
    private let state = State()

    private final class State: Sendable {
        let seen = Mutex((trouble: String?.none, free: Int64?.none))
    }

    init(_ configuration: Configuration, state: StateDirectory) throws {
        floor = configuration.storageFloor
        let places = [configuration.storage, configuration.storageFormer].compactMap(\.self)
        let isRemote = places.contains { $0.hasPrefix("s3://") }
        let s3 = isRemote ? try configuration.s3.filled() : configuration.s3
        http = isRemote ? try Self.client(s3) : nil
        let current = try Self.open(configuration.storage, "GONDOLA_STORAGE", s3, http, state)
        guard let place = configuration.storageFormer else {
            objects = current
            return
        }
        if !place.hasPrefix("s3://"), !FileManager.default.fileExists(atPath: place + "/objects") {
            throw SetupError("GONDOLA_STORAGE_FORMER: there is no storage in \(place)")
        }
        let former = try Self.open(place, "GONDOLA_STORAGE_FORMER", s3, http, state)
        objects = MovingObjectStore(from: former, to: current)
    }

    private static func client(_ settings: S3Settings) throws(SetupError) -> CurlHTTPClient {
        if let file = settings.authorityFile, !FileManager.default.isReadableFile(atPath: file) {
            throw SetupError("AWS_CA_BUNDLE: \(file) cannot be read")
        }
        var transport = CurlHTTPClient.Configuration()
        transport.authorityFile = settings.authorityFile
        return CurlHTTPClient(transport)
    }

    private static func open(
        _ place: String, _ name: String, _ settings: S3Settings, _ http: CurlHTTPClient?, _ state: StateDirectory
    ) throws -> any ObjectStore {
        do {
            guard let http, place.hasPrefix("s3://") else { return try LocalObjectStore(root: place) }
            guard let credentials = settings.credentials else {
                throw SetupError(
                    "a bucket needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws/credentials that has "
                        + "both (AWS_PROFILE names another than default)")
            }
            return try S3ObjectStore(
                settings.location(place), credentials, http: http,
                configuration: S3ObjectStore.Configuration(scratch: state.objects))
        } catch let error as ObjectStoreError {
            throw SetupError("\(name) cannot be used: \(error)")
        }
    }

    /// For a store that is already open.
    init(_ objects: any ObjectStore, floor: Int64) {
        (self.objects, self.floor, http) = (objects, floor, nil)
    }

    func stop() { http?.stop() }

    /// Why nothing that costs money or room may be begun now, in words for an operator; nil when all is well.
    func trouble() async -> String? {
        if let trouble = state.seen.withLock({ $0.trouble }) { return trouble }
        return await shortage()
    }

    /// As it was when it was last looked at.
    var lastSeen: (trouble: String?, free: Int64?) { state.seen.withLock { $0 } }

    private func shortage() async -> String? {
        guard let free = try? await objects.freeBytes(), free < floor else { return nil }
        return "only \(SizeText.rounded(free)) are free for storage, less than GONDOLA_STORAGE_FLOOR "
            + "(\(SizeText.rounded(floor)))"
    }

    /// Looks once; what no waiting mends is an error.
    func checkAtStart(_ log: Logger) async throws {
        do throws(ObjectStoreError) { try await objects.check() } catch {
            switch error {
            case .denied, .missingBucket, .notWritable, .missingFolder, .foreignFile:
                throw SetupError("GONDOLA_STORAGE cannot be used: \(error)")
            case .notFound, .changed, .corrupted, .noSpace, .truncated, .tooLarge, .unavailable, .unexpected,
                .cancelled, .io:
                break
            }
        }
        await look(log)
    }

    /// Looks again and again, and says when something changes.
    func watch(every interval: Duration, log: Logger, _ heartbeat: Heartbeat) async {
        defer { heartbeat.end() }
        while (try? await Task.sleep(for: interval)) != nil {
            await look(log)
            heartbeat.beat()
        }
    }

    private func look(_ log: Logger) async {
        let free = try? await objects.freeBytes()
        var trouble: String?
        do throws(ObjectStoreError) { try await objects.check() } catch { trouble = "storage: \(error)" }
        if trouble == nil { trouble = await shortage() }
        let before = state.seen.withLock { seen in
            defer { seen = (trouble, free) }
            return seen.trouble
        }
        if let trouble, trouble != before {
            log.warning("nothing new is submitted: storage has trouble", metadata: ["reason": "\(trouble)"])
        } else if trouble == nil, before != nil {
            log.notice("storage is well again")
        }
    }
}
