/// Which Gondola this is.
public enum Release {
    /// As `CHANGELOG.md` counts.
    public static let version = "0.1.0"
}
