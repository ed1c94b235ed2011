import Yams

/// What the library that reads the values does not check of a configuration file: that each key is a setting.
enum SettingFile {
    /// Far more than a file that sets everything; anything longer is no configuration file.
    static let bytesMax = 1 << 20

    static func check(_ path: String) throws(ServiceError) {
        let text: String
        do throws(FileReadError) {
            text = try SmallFile.read(path, bytesMax: bytesMax)
        } catch {
            throw ServiceError("cannot read the configuration file \(path): \(error)")
        }
        let root: Yams.Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw ServiceError("the configuration file \(path) is not valid YAML: \(error)")
        }
        guard let mapping = root?.mapping else {
            throw ServiceError(
                "the configuration file \(path) must be a mapping of settings, such as 'port: 8080'")
        }
        for (key, value) in mapping { try check(key, value, path) }
    }

    private static func check(_ key: Yams.Node, _ value: Yams.Node, _ path: String) throws(ServiceError) {
        let place = key.mark.map { "\(path), line \($0.line)" } ?? path
        guard let name = key.string, Setting.all.contains(where: { $0.name == name }) else {
            throw ServiceError(
                "\(place): there is no setting '\(key.string ?? "?")'; config/apus.yaml lists them all")
        }
        guard value.scalar != nil else {
            throw ServiceError("\(place): '\(name)' must be a single value, not a list or a mapping")
        }
    }
}
