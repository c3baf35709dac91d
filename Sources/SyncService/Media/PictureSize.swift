/// The size that a picture's own bytes tell.
enum PictureSize {
    /// Of a JPEG or an animated WebP; nil for anything else.
    static func find(in bytes: [UInt8]) -> (width: Int, height: Int)? {
        bytes.starts(with: [0xff, 0xd8]) ? jpeg(bytes) : webp(bytes)
    }

    /// Goes from marker to marker to the one that begins the frame.
    private static func jpeg(_ bytes: [UInt8]) -> (width: Int, height: Int)? {
        var place = 2
        while place + 9 <= bytes.count, bytes[place] == 0xff {
            let marker = bytes[place + 1]
            if (0xc0...0xcf).contains(marker), ![0xc4, 0xc8, 0xcc].contains(marker) {
                return (number(bytes, place + 7), number(bytes, place + 5))
            }
            place += 2 + number(bytes, place + 2)
        }
        return nil
    }

    /// `VP8X` holds the canvas, less one, in three bytes each, the lowest first.
    private static func webp(_ bytes: [UInt8]) -> (width: Int, height: Int)? {
        guard bytes.count >= 30, bytes[0..<4].elementsEqual("RIFF".utf8), bytes[8..<16].elementsEqual("WEBPVP8X".utf8)
        else { return nil }
        func size(_ place: Int) -> Int {
            Int(bytes[place]) + Int(bytes[place + 1]) << 8 + Int(bytes[place + 2]) << 16 + 1
        }
        return (size(24), size(27))
    }

    private static func number(_ bytes: [UInt8], _ place: Int) -> Int { Int(bytes[place]) << 8 + Int(bytes[place + 1]) }
}
