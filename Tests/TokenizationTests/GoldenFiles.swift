import Glibc
import JSON
import ModelFiles
import Synchronization

@testable import Tokenization

/// The reference's tokens for 34 strings, and the vocabularies they belong to.
enum GoldenFiles {
    /// Names in `golden/` whose vocabulary is a file of its own, in $APUS_VOCAB or shared/vocab.
    static let vocabularies = [
        "gpt-2", "llama-bpe", "qwen2", "deepseek-llm", "deepseek-coder", "falcon", "starcoder", "llama-spm",
        "phi-3",
        "bert-bge",
    ]
    /// Names in `golden/` whose vocabulary is a model's, in $APUS_MODELS.
    static let models = [
        "smollm2": "SmolLM2-135M-Instruct.Q4_1.gguf", "gemma3": "gemma-3-270m-q4_k_m.gguf",
    ]

    private static let folder = String(#filePath.dropLast("GoldenFiles.swift".utf8.count)) + "golden/"
    private static let root = String(
        #filePath.dropLast("Tests/TokenizationTests/GoldenFiles.swift".utf8.count))

    static let strings: [String] =
        (try? JSONValue.parse(read(folder + "strings.json"))["strings"]?.array?.compactMap(\.string)) ?? []

    /// `kind` is "plain" or "special".
    static func tokens(_ name: String, _ kind: String) throws -> [[TokenID]] {
        let golden = try JSONValue.parse(read(folder + name + ".json"))
        return golden[kind]?.array?.map { ($0.array ?? []).compactMap { $0.int.map { TokenID($0) } } } ?? []
    }

    /// The first of the places where the vocabulary can be; nil when it is in none.
    static func path(_ name: String) -> String? {
        let candidates: [String]
        if let file = models[name] {
            let folder = environment("APUS_MODELS") ?? (environment("HOME") ?? "") + "/.cache/apus/models"
            candidates = ["\(folder)/\(file)"]
        } else {
            let folders = [environment("APUS_VOCAB"), root + "../shared/vocab", "/work/shared/vocab"]
                .compactMap { $0 }
            candidates = folders.map { "\($0)/\(name).gguf" }
        }
        return candidates.first { access($0, R_OK) == 0 }
    }

    static func isPresent(_ name: String) -> Bool { path(name) != nil }

    /// Each vocabulary is loaded once for all tests.
    static func tokenizer(_ name: String) throws -> Tokenizer? {
        guard let path = path(name) else { return nil }
        return try loaded.withLock { loaded in
            if let tokenizer = loaded[name] { return tokenizer }
            let tokenizer = try Tokenizer(GGUFFile(path: path).metadata)
            loaded[name] = tokenizer
            return tokenizer
        }
    }

    private static let loaded = Mutex<[String: Tokenizer]>([:])

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    private static func read(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "rb") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&block, 1, block.count, file)
            if count == 0 { return bytes }
            bytes.append(contentsOf: block[..<count])
        }
    }
}
