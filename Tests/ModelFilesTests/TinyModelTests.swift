import Compute
import ModelFiles
import TestSupport
import Testing

@Suite("Tiny models")
struct TinyModelTests {
    @Test("both architectures can be opened, with the tensors of their real counterparts")
    func opens() throws {
        let directory = try TemporaryDirectory()
        for model in [TinyModel.llama, .gemma3] {
            let file = try GGUFFile(path: try model.write(to: directory.file("tiny.gguf")))
            let name = try file.metadata.string("general.architecture")
            #expect(name == model.architecture.rawValue)
            #expect(try file.metadata.integer("\(name).block_count") == model.layerCount)
            let tokens = try file.metadata.strings("tokenizer.ggml.tokens")
            #expect(tokens.count == model.vocabulary.tokens.count)
            #expect(try file.tensor("token_embd.weight", shape: [64, tokens.count]).type == .f16)
            #expect(try file.tensor("blk.1.attn_k.weight", shape: [64, 32]).type == .q4_1)
            #expect(file.tensors.count == 2 + model.layerCount * (model.architecture == .llama ? 9 : 13))
        }
    }

    @Test("the tokens of a vocabulary are distinct, and all its merges make one")
    func vocabularies() throws {
        for vocabulary in [TinyVocabulary.bytePairs, .pieces] {
            #expect(Set(vocabulary.tokens.map(\.text)).count == vocabulary.tokens.count)
        }
        let directory = try TemporaryDirectory()
        let file = try GGUFFile(path: try TinyModel.llama.write(to: directory.file("tiny.gguf")))
        let merges = try file.metadata.strings("tokenizer.ggml.merges")
        for index in 0..<merges.count {
            let halves = String(decoding: merges[index], as: UTF8.self).split(separator: " ").map(String.init)
            try #require(halves.count == 2)
            for text in halves + [halves.joined()] { #expect(TinyVocabulary.bytePairs.id(text) != nil) }
        }
    }

    @Test("the same seed gives the same bytes, another one others")
    func seeds() {
        var other = TinyModel.llama
        other.seed = 2
        let bytes = TinyModel.llama.writer().bytes()
        #expect(bytes == TinyModel.llama.writer().bytes())
        #expect(bytes != other.writer().bytes())
    }

    @Test("every type can be written", arguments: TensorType.allCases)
    func types(type: TensorType) throws {
        var model = TinyModel.llama
        model.layerCount = 1
        model.embeddingType = .q8_0
        model.embeddingLength = 256
        model.feedForwardLength = 256
        model.headLength = 64
        model.matrixType = type
        model.outputType = type
        let directory = try TemporaryDirectory()
        let file = try GGUFFile(path: try model.write(to: directory.file("tiny.gguf")))
        #expect(file.tensor("blk.0.ffn_up.weight")?.type == type)
    }
}
