import Glibc

/// The environment that the process was started with.
public enum ProcessEnvironment {
    /// Read once: nothing here changes it.
    public static let variables: [String: String] = {
        var variables: [String: String] = [:]
        guard let text = try? SmallFile.read("/proc/self/environ", bytesMax: 1 << 24) else {
            return variables
        }
        for entry in text.split(separator: "\0") {
            guard let equals = entry.firstIndex(of: "=") else { continue }
            variables[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
        }
        return variables
    }()
}
