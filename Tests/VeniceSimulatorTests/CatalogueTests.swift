import Foundation
import Testing

@testable import VeniceSimulator

struct CatalogueTests {
    private let catalogue: Catalogue

    init() throws { catalogue = try Catalogue.bundled() }

    @Test func `the snapshot holds 116 models of the three types`() {
        let types = Dictionary(grouping: catalogue.models.values, by: \.type).mapValues(\.count)
        #expect(types == [.textToVideo: 44, .imageToVideo: 66, .video: 6])
    }

    @Test func `the listing has the service's wrapper and puts the constraints into each model`() throws {
        let listing = try #require(JSONValue.parse(catalogue.listing))
        #expect(listing["object"] == "list")
        #expect(listing["type"] == "video")
        let models = try #require(listing["data"]?.array)
        #expect(models.count == 116)
        #expect(models.allSatisfy { $0["model_spec"]?["constraints"]?["model_type"] != nil && $0["object"] == "model" })
        #expect(models.allSatisfy { $0["model_spec"]?["pricing"] == nil })
    }

    @Test(arguments: [
        ("seedance-2-0-fast-reference-to-video-basic", 9, 3, 3),
        ("seedance-2-5-reference-to-video-basic", 30, 10, 10),
        ("minimax-h3-reference-to-video", 9, 3, 3),
        ("minimax-h3-enhanced-reference-to-video", 9, 0, 3),
        ("kling-o3-pro-reference-to-video", 4, 0, 0),
        ("kling-o3-4k-reference-to-video", 7, 0, 0),
        ("pixverse-c1-reference-to-video", 7, 0, 0),
        ("grok-imagine-1-5-reference-to-video-private", 7, 0, 0),
        ("gemini-omni-flash-reference-to-video", 3, 0, 0),
        ("happyhorse-1-1-reference-to-video", 4, 0, 0),
        ("gemini-omni-flash-1-1-reference-to-video", 10, 0, 0),
        ("wan-2-7-text-to-video", 0, 0, 0),
    ])
    func `reference caps follow the family table`(_ id: String, images: Int, videos: Int, audios: Int) throws {
        let caps = try #require(catalogue[id]).family.references
        #expect(caps == ModelFamily.ReferenceCaps(images: images, videos: videos, audios: audios))
    }

    @Test func `every grok-imagine model and no other delivers by link`() {
        for (id, family) in catalogue.families { #expect(family.deliversByLink == id.contains("grok-imagine")) }
    }

    @Test func `models that the protocol names and the snapshot lacks work unlisted`() throws {
        let unlisted = catalogue.entries.filter { !$0.isListed }.map(\.model.id)
        #expect(unlisted.count == 12)
        #expect(Set(unlisted).isDisjoint(with: catalogue.models.keys))
        #expect(unlisted.contains("wan-3-0-reference-to-video") && unlisted.contains("minimax-h3-max-multi-angle"))
        let listing = String(decoding: catalogue.listing, as: UTF8.self)
        for id in unlisted { #expect(catalogue[id] != nil && !listing.contains("\"\(id)\"")) }
    }

    @Test func `a snapshot with a record that lacks its constraints is refused`() {
        let broken = Data(#"{"models":[{"id":"x"}],"constraints":{}}"#.utf8)
        #expect(throws: Catalogue.Unreadable.self) { try Catalogue.entries(broken, isListed: true) }
    }
}
