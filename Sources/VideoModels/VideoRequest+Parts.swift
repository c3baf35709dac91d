// What the lists of a request hold.

extension VideoRequest {
    /// A person or thing to show, given by pictures or by a clip.
    public struct Element: Hashable, Sendable, Codable {
        /// The picture that shows it best, from the front. This or `video` is needed.
        public var frontalImage: MediaSource?
        /// Further pictures of it, at most three.
        public var referenceImages: [MediaSource]?
        /// A clip of it.
        public var video: MediaSource?

        public init(
            frontalImage: MediaSource? = nil, referenceImages: [MediaSource]? = nil, video: MediaSource? = nil
        ) {
            self.frontalImage = frontalImage
            self.referenceImages = referenceImages
            self.video = video
        }

        /// The names of the fields in JSON and in findings.
        public enum CodingKeys: String, CodingKey, CaseIterable {
            case video
            case frontalImage = "frontal_image"
            case referenceImages = "reference_images"
        }
    }

    /// A picture to show at one moment.
    public struct Keyframe: Hashable, Sendable, Codable {
        public var image: MediaSource
        /// The moment, counted in frames of a 24th of a second from 0. No two keyframes share one.
        public var frame: Int

        public init(image: MediaSource, frame: Int) {
            self.image = image
            self.frame = frame
        }

        /// The names of the fields in JSON and in findings.
        public enum CodingKeys: String, CodingKey, CaseIterable { case image, frame }

        /// How many frames a second has.
        public static let framesPerSecond = 24
    }

    /// A reference picture with a role.
    public struct ImageReference: Hashable, Sendable, Codable {
        public var image: MediaSource
        public var role: Open<Role>?
        /// What the prompt calls it, after an `@`.
        public var name: String?

        /// What a picture stands for.
        public enum Role: String, Sendable, CaseIterable { case subject, background }

        public init(image: MediaSource, role: Open<Role>? = nil, name: String? = nil) {
            self.image = image
            self.role = role
            self.name = name
        }

        /// The names of the fields in JSON and in findings.
        public enum CodingKeys: String, CodingKey, CaseIterable { case image, role, name }
    }

    /// A reference clip with a sound of its own.
    public struct VideoReference: Hashable, Sendable, Codable {
        public var video: MediaSource
        /// What the prompt calls it, after an `@`.
        public var name: String?
        public var audio: MediaSource?

        public init(video: MediaSource, name: String? = nil, audio: MediaSource? = nil) {
            self.video = video
            self.name = name
            self.audio = audio
        }

        /// The names of the fields in JSON and in findings.
        public enum CodingKeys: String, CodingKey, CaseIterable { case video, name, audio }
    }

    /// Where the camera is at one moment, as seen from what it looks at.
    public struct CameraPoint: Hashable, Sendable, Codable {
        /// From 0, the beginning of the video, to 1, its end. Each point is later than the one before.
        public var time: Double
        /// Degrees around the vertical axis.
        public var azimuth: Double
        /// Degrees above the horizon, −90…90.
        public var elevation: Double
        /// More than 0.
        public var distance: Double

        public init(time: Double, azimuth: Double, elevation: Double, distance: Double) {
            self.time = time
            self.azimuth = azimuth
            self.elevation = elevation
            self.distance = distance
        }

        /// The names of the fields in JSON and in findings.
        public enum CodingKeys: String, CodingKey, CaseIterable { case time, azimuth, elevation, distance }
    }

    /// What a model does with references.
    public enum ReferenceTask: String, Sendable, CaseIterable {
        /// The model decides.
        case auto
        /// The references show what the video is about.
        case reference
        /// Changes the reference clip.
        case edit
        /// Carries the reference clip on.
        case extend
    }

    /// How much data a video takes a second.
    public enum Bitrate: String, Sendable, CaseIterable { case standard, high }
}
