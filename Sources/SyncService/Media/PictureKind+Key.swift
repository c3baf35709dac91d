import JobStore
import ObjectStorage
import VideoModels

extension PictureKind {
    /// Where the picture is kept, beside its video. Made of the ids alone: making it again replaces it, and whoever removes
    /// the video finds it, whether or not the database knows of it.
    func key(of video: VideoID, user: UserID) throws(InvalidObjectKey) -> ObjectKey {
        try ObjectKey(user: user.description, "videos", "\(video).\(rawValue).\(fileExtension)")
    }

    var contentType: String {
        switch self {
        case .poster: "image/jpeg"
        case .preview: "image/webp"
        }
    }

    var fileExtension: String {
        switch self {
        case .poster: "jpg"
        case .preview: "webp"
        }
    }
}
