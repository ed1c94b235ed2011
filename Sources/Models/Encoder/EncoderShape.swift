import JSON
import ModelFiles

/// The numbers of an encoder, read from `config.json` and checked against each other.
public struct EncoderShape: Sendable, Equatable {
    public let layerCount: Int
    /// Width of the residual stream, and of an embedding.
    public let width: Int
    public let feedForwardWidth: Int
    public let headCount: Int
    public let vocabularyCount: Int
    /// Tokens of the longest input.
    public let contextLength: Int
    let typeCount: Int
    let normEpsilon: Float
    let activation: Activation

    enum Activation: String, Sendable {
        /// By the error function.
        case gelu
        case relu
    }

    var headDim: Int { width / headCount }

    /// - Throws: for another architecture, a missing or contradictory value; the error names the key.
    init(_ config: ConfigFile) throws(ModelFileError) {
        let type = try config.string("model_type")
        guard type == "bert" else {
            throw config.error("model_type", "\"\(type)\" is not known here; known: bert")
        }
        layerCount = try config.count("num_hidden_layers", 1...1024)
        width = try config.count("hidden_size", 32...65_536)
        feedForwardWidth = try config.count("intermediate_size", 32...1_048_576)
        headCount = try config.count("num_attention_heads", 1...1024)
        vocabularyCount = try config.count("vocab_size", 1...(1 << 22))
        contextLength = try config.count("max_position_embeddings", 2...(1 << 20))
        typeCount = try config.count("type_vocab_size", 1...16, default: 2)
        let epsilon = try config.number("layer_norm_eps")
        guard epsilon > 0, epsilon < 1 else {
            throw config.error("layer_norm_eps", "\(epsilon); expected 0 to 1")
        }
        normEpsilon = Float(epsilon)
        let name = try config.string("hidden_act")
        guard let activation = Activation(rawValue: name) else {
            throw config.error("hidden_act", "\"\(name)\" is not known here; known: gelu, relu")
        }
        self.activation = activation
        let positions = config.optionalString("position_embedding_type") ?? "absolute"
        guard positions == "absolute" else {
            throw config.error(
                "position_embedding_type", "\"\(positions)\" is not known here; known: absolute")
        }
        guard width % headCount == 0, headDim % 16 == 0, headDim <= 512 else {
            throw config.error(
                "num_attention_heads",
                "\(headCount) heads of width \(width): each must have 16, 32, … 512 of it")
        }
    }
}

/// Typed access to a JSON file of a model folder; errors name the file and the key.
struct ConfigFile {
    let path: String
    private let object: JSONObject

    init(_ folder: ModelFolder, _ name: String) throws(ModelFileError) {
        object = try folder.object(name)
        path = "\(folder.path)/\(name)"
    }

    func error(_ key: String, _ reason: String) -> ModelFileError {
        ModelFileError(path: path, field: key, reason: reason)
    }

    func optionalString(_ key: String) -> String? { object[key]?.string }

    func string(_ key: String) throws(ModelFileError) -> String {
        guard let text = object[key]?.string else { throw error(key, "missing, or no string") }
        return text
    }

    func number(_ key: String) throws(ModelFileError) -> Double {
        guard let number = object[key]?.double else { throw error(key, "missing, or no number") }
        return number
    }

    func count(_ key: String, _ range: ClosedRange<Int>, default fallback: Int? = nil) throws(ModelFileError)
        -> Int
    {
        if object[key] == nil, let fallback { return fallback }
        guard let value = object[key]?.int, let count = Int(exactly: value), range.contains(count) else {
            throw error(
                key, "must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return count
    }
}
