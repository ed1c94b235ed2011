import Glibc
import ModelFiles
import Testing

/// The two models of this project, when they are on this machine.
enum RealModel: String, CaseIterable, Sendable {
    case smol = "SmolLM2-135M-Instruct.Q4_1.gguf"
    case gemma = "gemma-3-270m-q4_k_m.gguf"

    var path: String {
        if let directory = getenv("APUS_MODELS") { return String(cString: directory) + "/" + rawValue }
        return String(cString: getenv("HOME")) + "/.cache/apus/models/" + rawValue
    }

    var isPresent: Bool { access(path, R_OK) == 0 }
}

@Suite("Real models")
struct RealModelTests {
    @Test(
        "the default model opens with its metadata and tensors",
        .enabled(if: RealModel.smol.isPresent, "scripts/fetch-model brings the model"))
    func smol() throws {
        let file = try GGUFFile(path: RealModel.smol.path)
        #expect(file.version == 3)
        #expect(file.metadata.entries.first?.key == "general.architecture")
        #expect(try file.metadata.string("general.architecture") == "llama")
        #expect(try file.metadata.integer("llama.block_count") == 30)
        #expect(try file.metadata.number("llama.rope.freq_base") == 100_000)
        #expect(try file.metadata.bool("tokenizer.ggml.add_bos_token") == false)
        let tokens = try file.metadata.strings("tokenizer.ggml.tokens")
        #expect(tokens.count == 49_152)
        #expect(tokens[1] == Array("<|im_start|>".utf8))
        #expect(try file.metadata.integers("tokenizer.ggml.token_type").count == 49_152)
        #expect(file.tensors.count == 272)
        let embedding = try file.tensor("token_embd.weight", shape: [576, 49_152])
        #expect(embedding.type == .q8_0)
        #expect(file.bytes(of: embedding).count == 576 * 49_152 / 32 * 34)
    }

    @Test(
        "a vocabulary of 262,144 tokens opens at once",
        .enabled(if: RealModel.gemma.isPresent, "scripts/fetch-model --test-models brings the model"))
    func gemma() throws {
        var file: GGUFFile?
        let elapsed = try ContinuousClock().measure { file = try GGUFFile(path: RealModel.gemma.path) }
        let metadata = try #require(file).metadata
        #expect(try metadata.strings("tokenizer.ggml.tokens").count == 262_144)
        #expect(try metadata.numbers("tokenizer.ggml.scores").count == 262_144)
        #expect(try metadata.integer("gemma3.attention.sliding_window") == 512)
        #expect(file?.tensors.count == 236)
        // Some 5 ms in a release build; the bound has room for a debug build on a busy machine.
        #expect(elapsed < .seconds(5))
    }
}
