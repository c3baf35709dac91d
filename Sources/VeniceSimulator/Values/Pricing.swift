import Foundation

/// What a video costs. The one place where prices are made.
///
/// A price is `rate(family) × seconds × factor(resolution) × factor(sound)`, rounded to cents. Rates are for 720p with no
/// sound. Where the price sheet of 2026-09-29 gives a figure, the rate reproduces it:
///
/// | request | sheet |
/// |---|---|
/// | `grok-imagine-*-private` 480p 1 s | 0.06 |
/// | `kling-2.6-pro-*` 5 s, silent / with sound | 0.39 / 0.77 |
/// | `wan-2.5-preview-*` 1080p 10 s | 1.65 |
/// | `wan-2-7-*` 720p 5 s | 0.55 |
/// | `seedance-2-5-*` 1080p 30 s | 21.46 |
/// | `topaz-video-upscale` a second to 720p / 1080p / 4K | 0.013 / 0.025 / 0.10 |
///
/// All other rates are plausible inventions. A source whose length cannot be read counts as `sourceSeconds`; seconds of
/// reference videos are added to those of the video, as far as they are known.
struct Pricing: Sendable {
    /// What the price depends on, after defaults have been filled in.
    struct Inputs: Hashable, Sendable {
        var model: String
        var seconds: Double
        var resolution: String?
        var audio: Bool
        var upscaleFactor: Int
        /// Of the reference videos: billed like seconds of the video itself, in whole seconds.
        var referenceSeconds: Double

        init(
            model: String, seconds: Double, resolution: String?, audio: Bool, upscaleFactor: Int = 2,
            referenceSeconds: Double = 0
        ) {
            self.model = model
            self.seconds = seconds
            self.resolution = resolution
            self.audio = audio
            self.upscaleFactor = upscaleFactor
            self.referenceSeconds = referenceSeconds
        }
    }

    /// How long a source clip counts whose length nobody stated, in seconds.
    static let sourceSeconds = 5.0

    /// Whether prices move: every window a different discount of up to 20 % for each model.
    var promotions = false
    var seed: UInt64 = 0
    /// How long one promotion holds, in seconds of the simulator's clock.
    var promotionWindow = 60.0

    func price(_ inputs: Inputs, at now: Date) -> Cents {
        Cents(roundingMicros: Int((Double(micros(inputs)) * promotion(inputs.model, at: now)).rounded()))
    }

    private func micros(_ inputs: Inputs) -> Int {
        let rate = Self.rates.first { inputs.model.hasPrefix($0.prefix) } ?? Self.fallback
        if inputs.model.contains("upscale") {
            return Int((Double(Self.upscaleMicros[inputs.upscaleFactor] ?? 25_000) * inputs.seconds).rounded())
        }
        let size = inputs.resolution.flatMap { Self.resolutionPercent[$0.lowercased()] } ?? 100
        let sound = inputs.audio ? rate.soundPercent : 100
        let perSecond = Double(rate.microsPerSecond * size * sound) / 10_000
        return Int((perSecond * (inputs.seconds + inputs.referenceSeconds)).rounded())
    }

    private func promotion(_ model: String, at now: Date) -> Double {
        guard promotions else { return 1 }
        let window = Int(now.timeIntervalSince1970 / promotionWindow)
        var dice = Dice(seed: seed, "promotion|\(model)|\(window)")
        return 1 - 0.2 * dice.unit()
    }

    /// Longest prefix first; sound in percent of the silent price.
    private struct Rate { var prefix: String, microsPerSecond: Int, soundPercent = 100 }

    private static let fallback = Rate(prefix: "", microsPerSecond: 100_000)

    private static let rates: [Rate] = [
        Rate(prefix: "grok-imagine", microsPerSecond: 120_000),
        Rate(prefix: "kling-2.6", microsPerSecond: 77_000, soundPercent: 200),
        Rate(prefix: "kling-2.5", microsPerSecond: 70_000),
        Rate(prefix: "kling-o3-4k", microsPerSecond: 420_000, soundPercent: 120),
        Rate(prefix: "kling-v3-4k", microsPerSecond: 420_000, soundPercent: 120),
        Rate(prefix: "kling-", microsPerSecond: 112_000, soundPercent: 150),
        Rate(prefix: "wan-", microsPerSecond: 110_000),
        Rate(prefix: "seedance-2-5", microsPerSecond: 476_889),
        Rate(prefix: "seedance-2-0-mini", microsPerSecond: 80_000),
        Rate(prefix: "seedance-2-0-fast", microsPerSecond: 242_000),
        Rate(prefix: "seedance-2-0", microsPerSecond: 303_000),
        Rate(prefix: "seedance-1", microsPerSecond: 52_000, soundPercent: 200),
        Rate(prefix: "veo3-full", microsPerSecond: 400_000),
        Rate(prefix: "veo3.1-full", microsPerSecond: 200_000, soundPercent: 200),
        Rate(prefix: "veo3", microsPerSecond: 100_000, soundPercent: 150),
        Rate(prefix: "sora-2-pro", microsPerSecond: 300_000),
        Rate(prefix: "ltx-2", microsPerSecond: 40_000),
        Rate(prefix: "longcat-distilled", microsPerSecond: 13_000),
        Rate(prefix: "longcat", microsPerSecond: 40_000),
        Rate(prefix: "runway-gen4-turbo", microsPerSecond: 55_000),
        Rate(prefix: "vidu-", microsPerSecond: 77_000, soundPercent: 125),
        Rate(prefix: "pixverse-", microsPerSecond: 60_000, soundPercent: 150),
        Rate(prefix: "ovi-", microsPerSecond: 45_000),
    ]

    private static let resolutionPercent: [String: Int] = [
        "256p": 25, "360p": 35, "480p": 50, "540p": 60, "580p": 65, "720p": 100, "768p": 100, "1080p": 150,
        "true_1080p": 180, "1440p": 220, "2k": 220, "2160p": 400, "4k": 400,
    ]

    private static let upscaleMicros: [Int: Int] = [1: 13_000, 2: 25_000, 4: 100_000]
}
