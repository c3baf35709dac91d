import Foundation
import HTTPTransport
import TestSupport
import Testing
import VideoModels

@testable import VeniceTransport

/// PROTOCOL §14: media as an address or as a file that is read while it is sent, judged before.
struct MediaTests {
    private let asset = AssetID(at: Date(timeIntervalSince1970: 1))
    private let other = AssetID(at: Date(timeIntervalSince1970: 2))

    private func request(_ set: (inout VideoRequest) -> Void) -> VideoRequest {
        var request = VideoRequest(model: "omnivore", prompt: "p")
        set(&request)
        return request
    }

    /// A file of that size that takes no room.
    private func file(_ bytes: Int, _ type: String) throws -> (TemporaryFile, VeniceMedia) {
        let file = try TemporaryFile([])
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file.path))
        try handle.truncate(atOffset: UInt64(bytes))
        try handle.close()
        return (file, .file(path: file.path, mimeType: type, bytes: bytes))
    }

    @Test func `files become data URLs that are read while they are sent`() throws {
        let image = try TemporaryFile(Array("picture".utf8))
        let request = request {
            $0.image = .asset(asset)
            $0.endImage = .url("https://a.example/e.png?x=\"1\"")
        }
        let assets: VeniceAssets = [asset: .file(path: image.path, mimeType: "image/png", bytes: 7)]
        let parts = try QueueRequest(request, model: .omnivore, assets: assets).parts
        #expect(parts.contains(.file(path: image.path, encoding: .base64)))
        #expect(
            parts.text
                == #"{"model":"omnivore","prompt":"p","image_url":"data:image/png;base64,cGljdHVyZQ==","#
                + #""end_image_url":"https://a.example/e.png?x=\"1\""}"#)
    }

    @Test func `media deep inside lists are files too`() throws {
        let image = try TemporaryFile(Array("ab".utf8))
        let request = request {
            $0.elements = [.init(frontalImage: .asset(asset), referenceImages: [.picture, .asset(asset)], video: nil)]
            $0.keyframes = [.init(image: .asset(asset), frame: 3)]
        }
        let assets: VeniceAssets = [asset: .file(path: image.path, mimeType: "image/webp", bytes: 2)]
        let body = try QueueRequest(request, model: .omnivore, assets: assets).parts.object
        let data = JSON.string("data:image/webp;base64,YWI=")
        #expect(body["elements"]?.array?.first?["frontal_image_url"] == data)
        #expect(body["elements"]?.array?.first?["reference_image_urls"]?.array?.last == data)
        #expect(body["keyframes"]?.array?.first?["image_url"] == data)
    }

    @Test func `everything that is wrong with the media is found at once`() throws {
        let (_kept, large) = try file((20 << 20) + 1, "image/png")
        defer { withExtendedLifetime(_kept) {} }
        let request = request {
            $0.image = .asset(asset)
            $0.endImage = .asset(other)
            $0.referenceImages = [.picture, .asset(other)]
        }
        let found = try findings { try QueueRequest(request, model: .omnivore, assets: [asset: large]) }
        #expect(found.map(\.field) == ["image", "end_image", "reference_images[1]"])
        #expect(found.map(\.code) == [.known(.tooLong), .known(.notFound), .known(.notFound)])
        #expect(found[1].given == other.description)
    }

    private static let fields:
        [(field: String, kind: MediaKind, set: @Sendable (inout VideoRequest, MediaSource) -> Void)] = [
            ("image", .image, { $0.image = $1 }), ("end_image", .image, { $0.endImage = $1 }),
            ("audio_track", .audio, { $0.audioTrack = $1 }), ("video", .video, { $0.video = $1 }),
            ("reference_images[0]", .image, { $0.referenceImages = [$1] }),
            ("reference_videos[0]", .video, { $0.referenceVideos = [$1] }),
            ("reference_audios[0]", .audio, { $0.referenceAudios = [$1] }),
            ("reference_documents[0]", .document, { $0.referenceDocuments = [$1] }),
            ("elements[0].video", .video, { $0.elements = [.init(video: $1)] }),
            ("scene_images[0]", .image, { $0.sceneImages = [$1] }),
            ("keyframes[0].image", .image, { $0.keyframes = [.init(image: $1, frame: 0)] }),
            ("image_references[0].image", .image, { $0.imageReferences = [.init(image: $1)] }),
            ("video_references[0].video", .video, { $0.videoReferences = [.init(video: $1)] }),
            ("video_references[0].audio", .audio, { $0.videoReferences = [.init(video: .clip, audio: $1)] }),
        ]

    @Test(arguments: fields.indices)
    func `each field takes the types of its kind and no others`(index: Int) throws {
        let (field, kind, set) = Self.fields[index]
        let types = ["image/png", "image/gif", "audio/mpeg", "video/mp4", "application/pdf", "text/html"]
        for type in types {
            let (file, media) = try file(10, type)
            defer { withExtendedLifetime(file) {} }
            let request = request { set(&$0, .asset(asset)) }
            let found = try findings { try QueueRequest(request, model: .omnivore, assets: [asset: media]) }
            let isTaken = kind.types(of: .omnivore).contains(type)
            #expect(found.map(\.field) == (isTaken ? [] : [field]), "\(type)")
            if !isTaken {
                #expect(found.first?.code == .known(kind == .document ? .notSupported : .notAllowed))
            }
        }
    }

    @Test func `Seedance takes more kinds of pictures`() throws {
        var model = VideoModel.omnivore
        let (file, media) = try file(10, "image/heic")
        defer { withExtendedLifetime(file) {} }
        let request = request { $0.image = .asset(asset) }
        #expect(try !findings { try QueueRequest(request, model: model, assets: [asset: media]) }.isEmpty)
        model.id = "seedance-2-5-image-to-video-basic"
        #expect(try findings { try QueueRequest(request, model: model, assets: [asset: media]) } == [])
    }

    @Test(arguments: [
        ("image", "image/png", 20 << 20), ("audio_track", "audio/wav", 15 << 20),
    ])
    func `a file of the greatest size goes, one byte more does not`(field: String, type: String, most: Int) throws {
        for (size, isTaken) in [(most, true), (most + 1, false)] {
            let (file, media) = try file(size, type)
            defer { withExtendedLifetime(file) {} }
            let request = request {
                if field == "image" { $0.image = .asset(asset) } else { $0.audioTrack = .asset(asset) }
            }
            let found = try findings { try QueueRequest(request, model: .omnivore, assets: [asset: media]) }
            #expect(found.map(\.field) == (isTaken ? [] : [field]))
        }
    }

    @Test func `a model's own limit goes before that of the kind`() throws {
        var model = VideoModel.omnivore
        model.inputs["video"] = ModelInput(mostBytes: 5)
        let (file, media) = try file(6, "video/mp4")
        defer { withExtendedLifetime(file) {} }
        let found = try findings {
            try QueueRequest(request { $0.video = .asset(asset) }, model: model, assets: [asset: media])
        }
        #expect(found.map(\.code) == [.known(.tooLong)])
    }

    @Test func `the whole body may be 35 MB, base64 counted`() throws {
        // 26.1 MB grow to 34.8 MB.
        for (size, isTaken) in [(26_000_000, true), (26_200_000, false)] {
            let (file, media) = try file(size, "video/mp4")
            defer { withExtendedLifetime(file) {} }
            let request = request {
                $0.video = .asset(asset)
                $0.image = .picture
            }
            let found = try findings { try QueueRequest(request, model: .omnivore, assets: [asset: media]) }
            #expect(found.map(\.field) == (isTaken ? [] : ["video"]))
            #expect(found.map(\.code) == (isTaken ? [] : [.known(.tooLong)]))
        }
    }

    @Test func `a file that is missing, has changed or is empty is found before anything is sent`() throws {
        let gone = VeniceMedia.file(path: "/nowhere/at/all", mimeType: "image/png", bytes: 7)
        let (file, _) = try file(8, "image/png")
        defer { withExtendedLifetime(file) {} }
        let (nothing, empty) = try self.file(0, "image/png")
        defer { withExtendedLifetime(nothing) {} }
        let changed = VeniceMedia.file(path: file.path, mimeType: "image/png", bytes: 7)
        for (media, code) in [(gone, Finding.Code.notFound), (changed, .malformed), (empty, .malformed)] {
            let found = try findings {
                try QueueRequest(request { $0.image = .asset(asset) }, model: .omnivore, assets: [asset: media])
            }
            #expect(found.map(\.code) == [.known(code)])
        }
    }

    @Test func `an asset may be an address as well`() throws {
        let assets: VeniceAssets = [asset: .url("https://a.example/x.pdf")]
        let request = request { $0.referenceDocuments = [.asset(asset)] }
        let body = try QueueRequest(request, model: .omnivore, assets: assets).parts.object
        #expect(body["reference_document_urls"] == .array([.string("https://a.example/x.pdf")]))
    }
}
