/// What a finished file must look like. Files are cached by shape and variant.
struct VideoShape: Hashable, Sendable, Codable {
    var width: Int
    var height: Int
    var seconds: Double
    var sound: Bool

    static let framesPerSecond = 24

    init(width: Int, height: Int, seconds: Double, sound: Bool) {
        self.width = width
        self.height = height
        self.seconds = seconds
        self.sound = sound
    }

    /// - Parameter ratio: width divided by height; 16:9 where it is not known. It is moved to the nearest usual one, so
    ///   that odd pictures do not fill the cache with shapes of their own.
    init(resolution: String?, ratio: Double?, seconds: Double, sound: Bool, upscaleFactor: Int? = nil) {
        let short = upscaleFactor.map { $0 == 4 ? 2160 : $0 == 2 ? 1080 : 720 } ?? Self.shortSide(resolution)
        let wanted = ratio ?? 16.0 / 9
        let nearest = Self.usualRatios.min { abs($0.0 / $0.1 - wanted) < abs($1.0 / $1.1 - wanted) } ?? (16, 9)
        let long = Double(short) * max(nearest.0, nearest.1) / min(nearest.0, nearest.1)
        let even = Int((long / 2).rounded()) * 2
        self.init(
            width: nearest.0 >= nearest.1 ? even : short, height: nearest.0 >= nearest.1 ? short : even,
            seconds: seconds, sound: sound)
    }

    /// The value of `16:9`; nil for `auto` and `adaptive`.
    static func ratio(_ text: String) -> Double? {
        let parts = text.split(separator: ":").compactMap { Double($0) }
        guard parts.count == 2, parts[1] > 0 else { return nil }
        return parts[0] / parts[1]
    }

    private static let usualRatios: [(Double, Double)] = [
        (1, 1), (2, 3), (3, 2), (3, 4), (4, 3), (4, 5), (5, 4), (9, 16), (16, 9), (9, 21), (21, 9),
    ]

    /// The shorter side in pixels, even; 720 where the resolution is not known.
    static func shortSide(_ resolution: String?) -> Int {
        switch resolution?.lowercased() {
        case "2k"?: 1440
        case "4k"?: 2160
        case let name?: Int(name.filter { $0.isASCII && $0.isNumber }).map { min(max($0 / 2 * 2, 256), 2160) } ?? 720
        case nil: 720
        }
    }

    /// The name of the cached file, without its ending.
    func name(variant: Int) -> String {
        "\(width)x\(height)-\(Int((seconds * 1000).rounded()))ms-\(sound ? "sound" : "silent")-\(variant)"
    }
}
