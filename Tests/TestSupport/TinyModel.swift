import Compute

/// A model of a few layers with random weights, to be written as a GGUF file: it says nothing sensible, but
/// everything that a real model of its architecture does, it does, and in microseconds.
///
///     let path = try TinyModel.llama.write(to: directory.file("tiny.gguf"))
///
/// The same fields and seed give the same bytes. Rows of the K types and IQ4_XS are whole blocks of 256: with
/// those, make `embeddingLength`, `feedForwardLength` and `headCount * headLength` multiples of 256.
public struct TinyModel: Sendable {
    public enum Architecture: String, Sendable { case llama, gemma3 }

    public var architecture: Architecture
    public var layerCount: Int
    public var embeddingLength = 64
    public var headCount = 4
    public var kvHeadCount = 2
    public var headLength = 16
    public var feedForwardLength = 128
    public var contextLength = 512
    /// Of gemma3, in tokens.
    public var slidingWindow = 8
    /// Of the matrices in the layers.
    public var matrixType: TensorType = .q4_1
    public var embeddingType: TensorType = .f16
    /// nil: the output matrix is the embedding's.
    public var outputType: TensorType?
    public var hasChatTemplate = true
    public var seed: UInt64 = 1

    /// Two layers, byte-level BPE vocabulary, ChatML.
    public static let llama = TinyModel(architecture: .llama, layerCount: 2)

    /// Six layers, the last of them global and the others with a sliding window; QK-norm, post-norms, a
    /// vocabulary of scored pieces, Gemma's turns.
    public static let gemma3 = TinyModel(architecture: .gemma3, layerCount: 6)

    init(architecture: Architecture, layerCount: Int) {
        self.architecture = architecture
        self.layerCount = layerCount
    }

    /// The vocabulary of `tokenizer.ggml.tokens`.
    public var vocabulary: TinyVocabulary { architecture == .llama ? .bytePairs : .pieces }

    @discardableResult
    public func write(to path: String) throws -> String {
        try writer().write(to: path)
        return path
    }

    /// The file before it is written, for tests that change it.
    public func writer() -> GGUFWriter {
        var writer = GGUFWriter()
        addModelMetadata(&writer)
        vocabulary.addMetadata(to: &writer, chatTemplate: hasChatTemplate)
        addTensors(&writer)
        return writer
    }
}

// MARK: - Metadata

extension TinyModel {
    private func addModelMetadata(_ writer: inout GGUFWriter) {
        let name = architecture.rawValue
        writer.set("general.architecture", .string(name))
        writer.set("general.type", .string("model"))
        writer.set("general.name", .string("Tiny \(name)"))
        writer.set("general.alignment", .uint32(UInt32(writer.alignment)))
        func set(_ key: String, _ count: Int) { writer.set("\(name).\(key)", .uint32(UInt32(count))) }
        set("block_count", layerCount)
        set("context_length", contextLength)
        set("embedding_length", embeddingLength)
        set("feed_forward_length", feedForwardLength)
        set("attention.head_count", headCount)
        set("attention.head_count_kv", kvHeadCount)
        set("vocab_size", vocabulary.tokens.count)
        switch architecture {
        case .llama:
            set("rope.dimension_count", headLength)
            writer.set("llama.rope.freq_base", .float32(10_000))
            writer.set("llama.attention.layer_norm_rms_epsilon", .float32(1e-5))
        case .gemma3:
            set("attention.sliding_window", slidingWindow)
            writer.set("gemma3.rope.freq_base", .float32(1_000_000))
            writer.set("gemma3.attention.layer_norm_rms_epsilon", .float32(1e-6))
        }
        // As llama.cpp's converter does, only a head length that does not follow from the others is written
        // for llama; gemma3 always has it.
        if architecture == .gemma3 || headLength * headCount != embeddingLength {
            set("attention.key_length", headLength)
            set("attention.value_length", headLength)
        }
    }
}

// MARK: - Tensors

extension TinyModel {
    private func addTensors(_ writer: inout GGUFWriter) {
        var random = RandomWeights(seed: seed)
        /// Rows of length n within ±√(3/n) keep the variance of what they are multiplied with.
        func matrix(
            _ name: String, _ type: TensorType, _ rowLength: Int, _ rows: Int, amplitude: Float? = nil
        ) {
            let amplitude = amplitude ?? (3 / Float(rowLength)).squareRoot()
            let data = random.data(type, count: rowLength * rows, amplitude: amplitude)
            writer.add(name, type, [rowLength, rows], data: data)
        }
        func norm(_ name: String, _ count: Int, mean: Float = 1) {
            writer.add(name, .f32, [count], data: random.norm(count: count, mean: mean))
        }
        let isGemma = architecture == .gemma3
        let queryLength = headCount * headLength
        let keyLength = kvHeadCount * headLength
        // Small embeddings, so that the layers outweigh them and the most likely token is not always the last
        // one again; the last norm brings the logits to a standard deviation of about 2.
        let amplitude = 0.8 / Float(embeddingLength).squareRoot()
        matrix(
            "token_embd.weight", embeddingType, embeddingLength, vocabulary.tokens.count, amplitude: amplitude
        )
        for layer in 0..<layerCount {
            let block = "blk.\(layer)."
            norm(block + "attn_norm.weight", embeddingLength)
            matrix(block + "attn_q.weight", matrixType, embeddingLength, queryLength)
            matrix(block + "attn_k.weight", matrixType, embeddingLength, keyLength)
            matrix(block + "attn_v.weight", matrixType, embeddingLength, keyLength)
            matrix(block + "attn_output.weight", matrixType, queryLength, embeddingLength)
            norm(block + "ffn_norm.weight", embeddingLength)
            matrix(block + "ffn_gate.weight", matrixType, embeddingLength, feedForwardLength)
            matrix(block + "ffn_up.weight", matrixType, embeddingLength, feedForwardLength)
            matrix(block + "ffn_down.weight", matrixType, feedForwardLength, embeddingLength)
            guard isGemma else { continue }
            norm(block + "attn_q_norm.weight", headLength)
            norm(block + "attn_k_norm.weight", headLength)
            norm(block + "post_attention_norm.weight", embeddingLength)
            norm(block + "post_ffw_norm.weight", embeddingLength)
        }
        norm("output_norm.weight", embeddingLength, mean: 5)
        guard let outputType else { return }
        matrix("output.weight", outputType, embeddingLength, vocabulary.tokens.count, amplitude: amplitude)
    }
}
