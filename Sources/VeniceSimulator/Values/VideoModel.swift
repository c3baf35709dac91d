/// One model of the catalogue, with what its metadata says.
struct VideoModel: Hashable, Sendable {
    var id: String
    var type: ModelType
    var durations: [String]
    var resolutions: [String]
    var aspectRatios: [String]
    var audio: Bool
    var audioConfigurable: Bool
    var audioInput: Bool
    var perReferenceAudio: Bool
    /// In UTF-16 units.
    var promptLimit: Int
    /// Width divided by height of reference images; outside of it they are refused.
    var referenceRatio: ClosedRange<Double>?
    /// A video-to-video model whose metadata speaks of reference pictures.
    var boundsPictures: Bool

    enum ModelType: String, Sendable {
        case textToVideo = "text-to-video"
        case imageToVideo = "image-to-video"
        case video
    }

    init?(id: String, constraints: JSONValue) {
        guard let type = constraints["model_type"]?.string.flatMap(ModelType.init(rawValue:)) else { return nil }
        self.id = id
        self.type = type
        durations = Self.strings(constraints["durations"])
        resolutions = Self.strings(constraints["resolutions"])
        aspectRatios = Self.strings(constraints["aspect_ratios"])
        audio = constraints["audio"]?.bool ?? false
        audioConfigurable = constraints["audio_configurable"]?.bool ?? false
        audioInput = constraints["audio_input"]?.bool ?? false
        perReferenceAudio = constraints["per_reference_audio"]?.bool ?? false
        promptLimit = constraints["prompt_character_limit"]?.number.map { Int($0) } ?? 2_500
        boundsPictures = type == .video && constraints["reference_image_min_short_side_pixels"]?.number != nil
        if let low = constraints["reference_image_min_aspect_ratio"]?.number,
            let high = constraints["reference_image_max_aspect_ratio"]?.number, low <= high
        {
            referenceRatio = low...high
        }
    }

    private static func strings(_ value: JSONValue?) -> [String] { value?.array?.compactMap(\.string) ?? [] }

    /// The length follows the source: the list is `["Auto"]`, which must not be sent.
    var followsSource: Bool { durations == ["Auto"] }
}
