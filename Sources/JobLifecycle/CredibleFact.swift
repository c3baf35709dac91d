/// What a video may say of itself, so that it can be written and shown; anything else counts as not known. A number that is
/// none is in no range.
public enum CredibleFact {
    public static func seconds(_ value: Double?) -> Double? { value.flatMap { (0...1e8).contains($0) ? $0 : nil } }

    /// Pictures a second.
    public static func frameRate(_ value: Double?) -> Double? {
        value.flatMap { (0.001...1000).contains($0) ? $0 : nil }
    }

    /// Width or height.
    public static func side(_ value: Int?) -> Int? { value.flatMap { (1...100_000).contains($0) ? $0 : nil } }

    /// A short word of visible ASCII.
    public static func codec(_ value: String?) -> String? {
        value.flatMap { word in
            let isWord = (1...40).contains(word.utf8.count) && word.utf8.allSatisfy { (0x20...0x7e).contains($0) }
            return isWord ? word : nil
        }
    }
}
