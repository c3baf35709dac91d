import Foundation

/// How long and how big a clip is, as far as that can be known.
///
/// Data URLs are read: the header of an MP4 or MOV, the chunks of a WAV. Hosted media are not fetched; their address may
/// say what a fetch would find, as `https://example.com/a.mp4?sim-seconds=20&sim-bytes=60000000`. `sim-width` and
/// `sim-height` do the same for pictures, `sim-broken=1` stands for a file that cannot be read.
struct MediaMeasure: Hashable, Sendable {
    var seconds: Double?
    var bytes: Int?
    var width: Double?
    var height: Double?
    var isBroken = false

    init(_ url: String) {
        if url.hasPrefix("data:") {
            guard let data = MediaCheck.decode(url)?.bytes else { return }
            bytes = data.count
            seconds = ClipLength.seconds(data)
        } else {
            readAddress(url)
        }
    }

    private mutating func readAddress(_ url: String) {
        for item in URLComponents(string: url)?.queryItems ?? [] {
            let number = item.value.flatMap { Double($0) }.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
            switch item.name {
            case "sim-seconds": seconds = number
            case "sim-bytes": bytes = number.flatMap { Int(exactly: $0.rounded()) }
            case "sim-width": width = number
            case "sim-height": height = number
            case "sim-broken": isBroken = true
            default: break
            }
        }
    }

    /// Width divided by height.
    var ratio: Double? {
        guard let width, let height, height > 0 else { return nil }
        return width / height
    }
}

/// Reads how long a clip is from its bytes.
enum ClipLength {
    static func seconds(_ data: Data) -> Double? { movie(data) ?? wave(data) }

    /// The movie header of an MP4 or MOV.
    private static func movie(_ data: Data) -> Double? {
        guard tag(data, 4) == "ftyp", let moov = box("moov", in: data, 0..<data.count),
            let header = box("mvhd", in: data, moov), header.count >= 20
        else { return nil }
        let start = header.lowerBound
        let isLong = data[data.startIndex + start] == 1
        guard !isLong || header.count >= 32 else { return nil }
        let scale = big(data, start + (isLong ? 20 : 12), 4)
        let length = big(data, start + (isLong ? 24 : 16), isLong ? 8 : 4)
        guard scale > 0 else { return nil }
        return Double(length) / Double(scale)
    }

    /// The content of the first box of that type in a range.
    private static func box(_ type: String, in data: Data, _ range: Range<Int>) -> Range<Int>? {
        var position = range.lowerBound
        while position + 8 <= range.upperBound {
            var (size, header) = (Int(big(data, position, 4)), 8)
            if size == 1, position + 16 <= range.upperBound {
                (size, header) = (Int(clamping: big(data, position + 8, 8)), 16)
            } else if size == 0 {
                size = range.upperBound - position
            }
            guard size >= header, size <= range.upperBound - position else { return nil }
            if tag(data, position + 4) == type { return position + header..<position + size }
            position += size
        }
        return nil
    }

    private static func wave(_ data: Data) -> Double? {
        guard tag(data, 0) == "RIFF", tag(data, 8) == "WAVE" else { return nil }
        var (position, rate) = (12, UInt64(0))
        while position + 8 <= data.count {
            let size = little(data, position + 4)
            if tag(data, position) == "fmt ", position + 20 <= data.count { rate = little(data, position + 16) }
            if tag(data, position) == "data" { return rate > 0 ? Double(size) / Double(rate) : nil }
            position += 8 + Int(size) + Int(size % 2)
        }
        return nil
    }

    private static func tag(_ data: Data, _ offset: Int) -> String {
        String(decoding: data.dropFirst(offset).prefix(4), as: UTF8.self)
    }

    private static func big(_ data: Data, _ offset: Int, _ count: Int) -> UInt64 {
        data.dropFirst(offset).prefix(count).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func little(_ data: Data, _ offset: Int) -> UInt64 {
        data.dropFirst(offset).prefix(4).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
