import Foundation

extension VideoFileCheck {
    /// Checks a file, off the cooperative pool.
    ///
    /// - Parameter isEndMarked: Whether the way it came would have shown a cut: an announced length that was reached, for
    ///   example. Without that, a file must prove its end by itself, or `endUnknown` is thrown.
    public static func facts(
        ofFileAt path: String, isEndMarked: Bool
    ) async throws(VideoFileError) -> VideoFacts {
        try await BlockingIO.run { () throws(VideoFileError) in
            let source: ByteSource
            do throws(ObjectStoreError) {
                source = try ByteSource(file: File.open(path, LocalObjectStore.readFlags), path: path)
            } catch {
                throw .unreadable(error)
            }
            let facts = try facts(of: source)
            guard isEndMarked || facts.isEndProven else { throw .endUnknown }
            return facts
        }
    }
}

extension ByteSource {
    init(file: OpenFile, path: String) throws(ObjectStoreError) {
        let length = try File.status(of: file, path: path).info().bytes
        self.init(length: length) { (offset, count) throws(ObjectStoreError) in
            try File.read(file.descriptor, at: offset, upTo: count)
        }
    }
}
