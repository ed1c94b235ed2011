/// What sets one family of transformers apart from another: a row of the table below.
///
/// A decoder layer is always norm, attention, residual, norm, gated feed-forward, residual. The flags say what
/// comes beside that. A new family that fits is a new row; one that needs a new part gets a flag here, its
/// place in `Layer`, and its step in `LayerRunner`.
struct Architecture: Sendable {
    /// `general.architecture` of the file, and the prefix of its keys.
    var name: String
    /// Which elements of a head are rotated together.
    var ropeOrder: RopeOrder = .halves
    var activation: Activation = .silu
    /// Whether embeddings are multiplied by the square root of their width.
    var scalesEmbeddings = false
    /// Whether queries and keys go through an RMSNorm per head (`attn_q_norm`, `attn_k_norm`).
    var normalizesQueriesAndKeys = false
    /// Whether what attention and feed-forward give is normalised before it is added
    /// (`post_attention_norm`, `post_ffw_norm`).
    var normalizesOutputs = false
    /// Every so many layers one sees the whole context, the others only the sliding window; nil: all see it.
    var slidingPeriod: Int?
    /// RoPE base of the sliding-window layers where the file names none.
    var slidingRopeBase = 10_000.0

    enum RopeOrder: Sendable {
        /// (0, 1), (2, 3) …: the paper's; GGUF files of the llama family have their rows permuted for it.
        case pairs
        /// (0, n/2), (1, n/2 + 1) …: GPT-NeoX's.
        case halves
    }

    enum Activation: Sendable {
        case silu
        /// The tanh form.
        case gelu
    }

    /// The families that are known.
    static let all: [Architecture] = [
        Architecture(name: "llama", ropeOrder: .pairs),
        Architecture(
            name: "gemma3", activation: .gelu, scalesEmbeddings: true, normalizesQueriesAndKeys: true,
            normalizesOutputs: true, slidingPeriod: 6),
    ]
}
