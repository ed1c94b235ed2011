import Compute

/// How a model is loaded.
public struct ModelOptions: Sendable {
    public var precision: Precision
    /// Threads that compute, the engine's own included.
    public var threads: Int
    /// Positions of a sequence; nil takes what the model was made for.
    public var contextLength: Int?
    /// Bytes of the KV cache; nil takes enough for `defaultKVTokens` positions, and for one full context.
    public var kvBytesMax: Int?
    /// How keys and values are stored.
    public var kvType = KVType.f16
    /// Columns of one step.
    public var columnsMax = 512

    var planesMax: Int { InputPlanes(precision).most }

    /// Positions that the KV cache holds in every layer where nobody says otherwise.
    public static let defaultKVTokens = 65_536

    public init(
        precision: Precision = .high, threads: Int = ThreadPool.cpuCount, contextLength: Int? = nil,
        kvBytesMax: Int? = nil
    ) {
        self.precision = precision
        self.threads = threads
        self.contextLength = contextLength
        self.kvBytesMax = kvBytesMax
    }
}

/// Planes of 8-bit codes that the inputs of each kind of matrix are quantised with.
struct InputPlanes: Sendable {
    var heads: Int
    var output: Int
    var gateAndUp: Int
    var down: Int
    var head: Int

    init(_ precision: Precision) {
        let planes = precision.planes
        (output, gateAndUp, down, head) = (planes, planes, planes, planes)
        // Softmax amplifies errors of queries and keys: with one plane here the default model's mean KL
        // divergence is 0.0038, with two 0.0027, for a sixth more work.
        heads = 2
    }

    var most: Int { max(heads, output, gateAndUp, down, head) }
}

/// Why a model was not loaded although its file is sound.
public enum ModelError: Error, Equatable, CustomStringConvertible {
    case file(String)
    /// An option that does not fit the model.
    case option(String)
    /// The system gave no memory; bytes that were asked for.
    case memory(Int)

    public var description: String {
        switch self {
        case .file(let text), .option(let text): text
        case .memory(let bytes): "the system refused \(bytes >> 20) MiB of memory"
        }
    }
}
