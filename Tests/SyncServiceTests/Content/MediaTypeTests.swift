import Testing

@testable import SyncService

@Suite struct MediaTypeTests {
    @Test(
        arguments: [
            ("\u{0}\u{0}\u{0}\u{18}ftypisom", "video/mp4"), ("\u{0}\u{0}\u{0}\u{18}ftypmp42", "video/mp4"),
            ("\u{0}\u{0}\u{0}\u{14}ftypqt  ", "video/quicktime"), ("GIF89a", "image/gif"),
            ("RIFF....WEBPVP8 ", "image/webp"),
            ("RIFF....WAVEfmt ", "audio/wav"), ("ID3", "audio/mpeg"),
            ("\u{0}\u{0}\u{0}\u{18}ftypheic", nil), ("\u{0}\u{0}\u{0}\u{18}ftypavif", nil),
            ("\u{0}\u{0}\u{0}\u{18}ftypM4A ", nil), ("<svg xmlns=\"http:", nil), ("<!DOCTYPE html>", nil),
            ("%PDF-1.7", nil),
            ("", nil), ("RIFF", nil),
        ] as [(String, String?)])
    func `a file is what its first bytes say`(beginning: String, type: String?) {
        #expect(MediaType.sniff(Array(beginning.utf8)) == type)
    }
}
