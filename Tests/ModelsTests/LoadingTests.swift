import Compute
import ModelFiles
import Models
import TestSupport
import Testing

@Suite("Loading a model") struct LoadingTests {
    /// A change to a sound file, and what the error must name.
    struct Fault: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var key: String
        var value: GGUFWriter.Value

        init(_ name: String, _ key: String, _ value: GGUFWriter.Value) {
            (testDescription, self.key, self.value) = (name, key, value)
        }
    }

    @Test(
        "refuses metadata that contradict the model or themselves",
        arguments: [
            Fault("unknown architecture", "general.architecture", .string("perceptron")),
            Fault("no layers", "llama.block_count", .uint32(0)),
            Fault("billions of layers", "llama.block_count", .uint32(.max)),
            Fault("head count zero", "llama.attention.head_count", .uint32(0)),
            Fault("KV heads that do not divide the heads", "llama.attention.head_count_kv", .uint32(3)),
            Fault("more KV heads than heads", "llama.attention.head_count_kv", .uint32(64)),
            Fault("odd head dimension", "llama.attention.key_length", .uint32(17)),
            Fault("negative context", "llama.context_length", .int32(-1)),
            Fault("epsilon zero", "llama.attention.layer_norm_rms_epsilon", .float32(0)),
            Fault("epsilon not a number", "llama.attention.layer_norm_rms_epsilon", .float32(.nan)),
            Fault("RoPE base zero", "llama.rope.freq_base", .float32(0)),
            Fault("RoPE dimensions beyond the head", "llama.rope.dimension_count", .uint32(1000)),
            Fault("unknown RoPE scaling", "llama.rope.scaling.type", .string("magic")),
            Fault("text where a number belongs", "llama.embedding_length", .string("64")),
        ])
    func refusesBadMetadata(_ fault: Fault) throws {
        var writer = TinyModel.llama.writer()
        writer.metadata.removeAll { $0.key == fault.key }
        writer.set(fault.key, fault.value)
        let error = try #require(throws: ModelError.self) { try open(writer) }
        #expect(error.description.contains(fault.key), "\(error)")
    }

    @Test("refuses a missing tensor, one of another shape, and one that nobody asked for")
    func refusesTensors() throws {
        var missing = TinyModel.llama.writer()
        missing.tensors.removeAll { $0.name == "blk.1.ffn_down.weight" }
        let absent = try #require(throws: ModelError.self) { try open(missing) }
        #expect(absent.description.contains("blk.1.ffn_down.weight"))

        var wide = TinyModel.llama.writer()
        wide.metadata.removeAll { $0.key == "llama.feed_forward_length" }
        wide.set("llama.feed_forward_length", .uint32(256))
        let misshapen = try #require(throws: ModelError.self) { try open(wide) }
        #expect(misshapen.description.contains("ffn_"))

        var extra = TinyModel.llama.writer()
        extra.add("blk.0.attn_q.bias", .f32, [64], data: [UInt8](repeating: 0, count: 256))
        let unasked = try #require(throws: ModelError.self) { try open(extra) }
        #expect(unasked.description.contains("attn_q.bias"))
    }

    @Test("refuses options that the model cannot meet, with the numbers")
    func refusesOptions() throws {
        for (options, expected) in [
            (ModelOptions(contextLength: 513), "512"), (ModelOptions(contextLength: 0), "512"),
            (ModelOptions(threads: 0), "threads"), (ModelOptions(kvBytesMax: 100), "100 bytes"),
        ] {
            let error = try #require(throws: ModelError.self) { try open(TinyModel.llama.writer(), options) }
            #expect(error.description.contains(expected), "\(error)")
        }
    }

    @Test("plans the memory that it then takes, and reports its progress")
    func plansMemory() throws {
        let directory = try TemporaryDirectory()
        let file = try GGUFFile(path: TinyModel.llama.write(to: directory.file("tiny.gguf")))
        let options = ModelOptions(threads: 2, contextLength: 128, kvBytesMax: 1 << 20)
        let plan = try MemoryPlan(file: file, options: options)
        var fractions: [Double] = []
        let model = try TransformerModel.load(file: file, options: options) { fractions.append($0) }
        #expect(model.plan == plan)
        #expect(plan.contextLength == 128)
        #expect(plan.kvBytes <= 1 << 20)
        #expect(plan.kvBytes == model.kvGeometry.bytesPerBlock * model.kvGeometry.blockCount)
        #expect(plan.weightBytes > 0 && plan.workspaceBytes > 0)
        #expect(fractions == fractions.sorted() && fractions.last == 1)
    }

    private func open(_ writer: GGUFWriter, _ options: ModelOptions = ModelOptions(threads: 1)) throws
        -> TransformerModel
    {
        let directory = try TemporaryDirectory()
        let path = directory.file("tiny.gguf")
        try writer.write(to: path)
        let file: GGUFFile
        do { file = try GGUFFile(path: path) } catch { throw ModelError.file(error.description) }
        return try TransformerModel.load(file: file, options: options)
    }
}
