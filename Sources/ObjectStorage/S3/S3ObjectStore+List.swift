public import Foundation
import HTTPTransport

extension S3ObjectStore {
    public func list(prefix: String, after: ObjectKey?, limit: Int) async throws(ObjectStoreError) -> [ListedObject] {
        var found: [ListedObject] = []
        var token: String?
        while found.count < limit {
            var call = S3Call("GET")
            call.query = [
                ("list-type", "2"), ("encoding-type", "url"), ("prefix", location.prefix + prefix),
                ("max-keys", "\(min(1000, limit - found.count))"),
            ]
            if let token {
                call.query.append(("continuation-token", token))
            } else if let after {
                call.query.append(("start-after", name(of: after)))
            }
            let page = try await seam { () async throws(S3Failure) in try await ask(call, for: "ListBucketResult") }
            // Some services read a prefix as a path, and find more than was asked for.
            found += page.all("Contents").compactMap(listed).filter { $0.key.description.hasPrefix(prefix) }
            token = page["IsTruncated"] == "true" ? page["NextContinuationToken"] : nil
            if token == nil { break }
        }
        return found
    }

    /// Nil for what is no object of ours.
    private func listed(_ entry: XMLTree) -> ListedObject? {
        guard let name = entry["Key"]?.removingPercentEncoding, name.hasPrefix(location.prefix),
            let key = try? ObjectKey(String(name.dropFirst(location.prefix.count))),
            let bytes = entry["Size"].flatMap({ Int64($0) })
        else { return nil }
        let modified = entry["LastModified"].flatMap(Date.init(xmlDate:)) ?? Date(timeIntervalSince1970: 0)
        return ListedObject(key: key, info: ObjectInfo(bytes: bytes, sha256: nil, modified: modified))
    }

    private func ask(_ call: S3Call, for root: String) async throws(S3Failure) -> XMLTree {
        guard let xml = try await client.ask(call).xml, xml.name == root else { throw .unreadable("no \(root)") }
        return xml
    }

    /// Left-over files on this machine, and parts of uploads that nobody finished.
    public func collectRubbish(olderThan moment: Date) async throws(ObjectStoreError) -> Int {
        let cache = cache
        let files = try await staging.collectRubbish(olderThan: moment)
        let copies = try await BlockingIO.run { () throws(ObjectStoreError) in
            try Folder.removeFiles(in: cache, before: moment)
        }
        return try await files + copies + abandonedUploads(before: moment)
    }

    private func abandonedUploads(before moment: Date) async throws(ObjectStoreError) -> Int {
        var removed = 0
        var marker: [(name: String, value: String)]? = []
        while let query = marker {
            var call = S3Call("GET")
            call.query = [("uploads", ""), ("prefix", location.prefix)] + query
            let page = try await seam { () async throws(S3Failure) in
                try await ask(call, for: "ListMultipartUploadsResult")
            }
            for upload in page.all("Upload") {
                guard let name = upload["Key"], name.hasPrefix(location.prefix), let id = upload["UploadId"],
                    let begun = upload["Initiated"].flatMap(Date.init(xmlDate:)), begun < moment
                else { continue }
                await abort(name, id)
                removed += 1
            }
            marker = Self.next(after: page)
        }
        return removed
    }

    private static func next(after page: XMLTree) -> [(name: String, value: String)]? {
        guard page["IsTruncated"] == "true", let key = page["NextKeyMarker"], !key.isEmpty else { return nil }
        return [("key-marker", key), ("upload-id-marker", page["NextUploadIdMarker"] ?? "")]
    }

    /// A copy on this machine, kept while it is used. Of objects that never change, as all of ours are.
    public func localFile(of key: ObjectKey) async throws(ObjectStoreError) -> String {
        let path = "\(cache)/\(ContentHash(of: key.description.utf8))"
        let isThere = await BlockingIO.run { utimes(path, nil) == 0 }
        if isThere { return path }
        let reader = try await open(key, range: nil)
        let staged: StagedObject
        do {
            staged = try await stage(expecting: reader.count, atMost: .max, body: reader.chunks())
        } catch {
            throw error as? ObjectStoreError ?? .cancelled
        }
        return try await staging.writing { () throws(ObjectStoreError) in
            defer { unlink(staged.path) }
            guard rename(staged.path, path) == 0 else { throw File.failure(errno, "rename", path) }
            return path
        }
    }
}
