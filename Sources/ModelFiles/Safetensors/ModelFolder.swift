import Glibc
import JSON

/// A model as Hugging Face's libraries keep it: a folder with `model.safetensors`, `config.json`, `tokenizer.json`.
public struct ModelFolder: Sendable {
    public let path: String

    /// Far more than a tokenizer of a million tokens takes.
    private static let jsonBytesMax = 256 << 20
    private static let jsonLimits = JSONLimits(depthMax: 64, valuesMax: 8_000_000)

    /// Nil when there is no folder at `path`.
    public init?(path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else { return nil }
        self.path = path
    }

    public func weights() throws(ModelFileError) -> SafetensorsFile {
        let whole = "\(path)/model.safetensors"
        guard access(whole, F_OK) == 0 else {
            let isSplit = access("\(whole).index.json", F_OK) == 0
            throw ModelFileError(
                path: whole, field: "file",
                reason: isSplit ? "missing: weights in several files are not read" : "missing")
        }
        return try SafetensorsFile(path: whole)
    }

    /// The JSON object in a file of the folder that has to be there.
    public func object(_ name: String) throws(ModelFileError) -> JSONObject {
        guard let object = try optionalObject(name) else {
            throw ModelFileError(path: "\(path)/\(name)", field: "file", reason: "missing")
        }
        return object
    }

    /// The JSON object in a file of the folder; nil when there is no such file.
    public func optionalObject(_ name: String) throws(ModelFileError) -> JSONObject? {
        let file = "\(path)/\(name)"
        guard access(file, F_OK) == 0 else { return nil }
        let mapping = try FileMapping(path: file)
        guard mapping.bytes.count <= Self.jsonBytesMax else {
            throw ModelFileError(
                path: file, field: "file",
                reason: "\(mapping.bytes.count) bytes; at most \(Self.jsonBytesMax) are read")
        }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(mapping.bytes, limits: Self.jsonLimits)
        } catch {
            throw ModelFileError(path: file, field: "file", reason: "not valid JSON: \(error)")
        }
        guard let object = value.object else {
            throw ModelFileError(path: file, field: "file", reason: "a JSON \(value.typeName), not an object")
        }
        return object
    }
}
