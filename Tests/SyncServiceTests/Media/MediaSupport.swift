import Foundation
import JobStore
import Logging
import ObjectStorage
import TestSupport
import VideoModels

@testable import SyncService

/// A folder that is gone when the test is.
func withFolder<T>(_ body: (String) async throws -> T) async throws -> T {
    let folder = NSTemporaryDirectory() + "gondola-media-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}

/// A real video of two seconds, made once for each size.
enum SmallVideo {
    static func bytes(_ size: String = "192x108", sound: Bool = true, arguments: [String] = []) throws -> [UInt8] {
        let path = NSTemporaryDirectory() + "gondola-small-" + UUID().uuidString + ".mp4"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var words = [
            "ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25:duration=2",
        ]
        if sound { words += ["-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-c:a", "aac"] }
        try runNow(words + ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"] + arguments + [path])
        return try Array(Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

extension TestDatabase {
    /// A user with finished jobs, and a video of each with these bytes under the usual key.
    func addVideos(_ videos: [[UInt8]], in objects: any ObjectStore) async throws -> [VideoID] {
        let user = try await store.addUser(named: "a", id: .sample()).id
        let jobs = videos.indices.map { number in
            NewJob(JobSubmission(request: .sample), id: .sample(UInt64(number + 1)), user: user, account: "default")
        }
        for outcome in await store.submit(jobs) { _ = try outcome.get() }
        try await sql(
            """
            update jobs set state = 'ready', next_action_at = null, price = 0.5, queue_id = 'q-' || id, venice_model = 'm',
                submitted_at = now(), video_id = id, is_cleaned_up = false
            """)
        var ids: [VideoID] = []
        for (number, bytes) in videos.enumerated() {
            let id = VideoID(JobID.sample(UInt64(number + 1)).uuid)
            let key = try ObjectKey(user: user.description, "videos", "\(id).mp4")
            _ = try await objects.put(key, bytes: bytes)
            try await sql(
                """
                with drawn as (update users set change_sequence = change_sequence + 1 returning change_sequence)
                insert into videos (user_id, id, job_id, model, storage_key, content_type, bytes, sha256, change_sequence)
                select '\(user)', '\(id)', '\(id)', 'm', '\(key)', 'video/mp4', \(bytes.count),
                    '\(ContentHash(of: bytes).hex)', change_sequence from drawn
                """)
            ids.append(id)
        }
        return ids
    }
}

extension ObjectStore {
    @discardableResult
    func put(_ key: ObjectKey, bytes: [UInt8]) async throws -> ObjectInfo {
        try await put(
            key,
            body: AsyncStream { stream in
                stream.yield(bytes)
                stream.finish()
            })
    }

    func all(_ key: String) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await chunk in try await open(try ObjectKey(key), range: nil).chunks() { bytes += chunk }
        return bytes
    }
}
