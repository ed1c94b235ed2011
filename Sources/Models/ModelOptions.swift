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
    /// Columns of one step.
    public var columnsMax = 512

    /// Positions that the KV cache holds where nobody says otherwise.
    public static let defaultKVTokens = 65_536

    public init(precision: Precision = .q8, threads: Int = ThreadPool.cpuCount, contextLength: Int? = nil, kvBytesMax: Int? = nil) {
        self.precision = precision
        self.threads = threads
        self.contextLength = contextLength
        self.kvBytesMax = kvBytesMax
    }
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
