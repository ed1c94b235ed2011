/// The version that answers carry; `apus --version` prints the same.
public enum APIVersion {
    public static let current = "0.1.0"
}
