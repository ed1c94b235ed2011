import API

/// The version of this build.
public enum Version {
    public static let text = "apus " + APIVersion.current
}
