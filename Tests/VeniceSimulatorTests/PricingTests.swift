import Foundation
import Testing

@testable import VeniceSimulator

struct PricingTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    @Test(arguments: [
        (Pricing.Inputs(model: "grok-imagine-text-to-video-private", seconds: 1, resolution: "480p", audio: true), 6),
        (Pricing.Inputs(model: "kling-2.6-pro-text-to-video", seconds: 5, resolution: nil, audio: false), 39),
        (Pricing.Inputs(model: "kling-2.6-pro-image-to-video", seconds: 5, resolution: nil, audio: true), 77),
        (Pricing.Inputs(model: "wan-2.5-preview-text-to-video", seconds: 10, resolution: "1080p", audio: true), 165),
        (Pricing.Inputs(model: "wan-2-7-text-to-video", seconds: 5, resolution: "720p", audio: false), 55),
        (
            Pricing.Inputs(model: "seedance-2-5-text-to-video-basic", seconds: 30, resolution: "1080p", audio: true),
            2146
        ),
        (
            Pricing.Inputs(model: "topaz-video-upscale", seconds: 10, resolution: nil, audio: false, upscaleFactor: 4),
            100
        ),
    ])
    func `prices that the price sheet gives are met to the cent`(_ inputs: Pricing.Inputs, cents: Int) {
        #expect(Pricing().price(inputs, at: now) == Cents(cents))
    }

    @Test func `without promotions a price never moves`() {
        let inputs = Pricing.Inputs(model: "veo3-fast-text-to-video", seconds: 8, resolution: "720p", audio: true)
        let prices = (0..<50).map { Pricing().price(inputs, at: now.addingTimeInterval(Double($0) * 61)) }
        #expect(Set(prices).count == 1)
    }

    @Test func `with promotions a price holds within a window and moves between windows`() {
        let inputs = Pricing.Inputs(model: "veo3-fast-text-to-video", seconds: 8, resolution: "720p", audio: true)
        let pricing = Pricing(promotions: true, seed: 7, promotionWindow: 60)
        let start = Date(timeIntervalSince1970: 1_800_000_000)
        #expect(pricing.price(inputs, at: start) == pricing.price(inputs, at: start.addingTimeInterval(59)))
        let prices = (0..<10).map { pricing.price(inputs, at: start.addingTimeInterval(Double($0) * 60)) }
        #expect(Set(prices).count > 5)
        let full = Pricing().price(inputs, at: start)
        #expect(prices.allSatisfy { $0 <= full && $0.count * 10 >= full.count * 8 - 10 })
    }

    @Test func `halves of a cent are rounded up`() {
        #expect(Cents(roundingMicros: 385_000) == Cents(39))
        #expect(Cents(roundingMicros: 384_999) == Cents(38))
    }
}
