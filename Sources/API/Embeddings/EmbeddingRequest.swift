import JSON
import ModelFiles

/// `POST /v1/embeddings`: its body, validated.
struct EmbeddingRequest: Sendable {
    enum Input: Sendable, Equatable {
        case text(String)
        case tokens([TokenID])
    }

    enum Encoding: String, CaseIterable {
        case float
        /// Of little-endian 32-bit floats.
        case base64
    }

    /// With the name of each one's field.
    var inputs: [(input: Input, param: String)]
    var model: String?
    var encoding = Encoding.float
    /// Numbers of an embedding, fewer than the model's; nil for all.
    var dimensions: Int?
    /// Longer inputs are cut to so many tokens; -1 to what the model takes.
    var truncation: Int?
    var ignored = IgnoredFields()

    init(_ body: JSONObject, _ embedder: ServedEmbedder) throws(APIError) {
        var fields = RequestFields(body)
        // Read before, to find the embedder.
        model = try fields.string("model")
        inputs = try Self.inputs(&fields, vocabularyCount: embedder.engine.vocabularyCount)
        if let word = try fields.string("encoding_format") {
            guard let encoding = Encoding(rawValue: word) else {
                throw .invalid(
                    "encoding_format",
                    "'encoding_format' is '\(word.prefix(64))', but must be 'float' or 'base64'.",
                    code: "invalid_value")
            }
            self.encoding = encoding
        }
        dimensions = try fields.integer("dimensions", in: 1...Int64(embedder.engine.width))
        truncation = try fields.integer("truncate_prompt_tokens", in: -1...Int64(Int32.max))
        guard truncation != 0 else {
            throw .invalid(
                "truncate_prompt_tokens", "'truncate_prompt_tokens' is 0, but must be -1 or at least 1.")
        }
        // What happens anyway is not worth a word.
        for name in ["normalize", "add_special_tokens"] { fields.takeIf(name) { $0.bool == true } }
        for name in ["embd_normalize"] { fields.takeIf(name) { $0.int == 2 } }
        ignored = try fields.ignored()
    }

    private static func inputs(_ fields: inout RequestFields, vocabularyCount: Int) throws(APIError) -> [(
        input: Input, param: String
    )] {
        let right = "a string, an array of strings, or an array of token ids"
        // llama-server's name.
        let name = fields.peek("input") == nil && fields.peek("content") != nil ? "content" : "input"
        guard let value = fields.take(name) else { throw fields.missing("input", right) }
        if let text = value.string { return [(.text(text), name)] }
        guard let values = value.array else { throw .wrongType(name, value, right) }
        guard !values.isEmpty else {
            throw .invalid(
                name, "'\(name)' is empty, but must have at least one text.", code: "invalid_value")
        }
        if case .int = values[0] {
            return [(.tokens(try TokenIDs.read(values, path: name, vocabularyCount: vocabularyCount)), name)]
        }
        guard values.count <= APILimits.embeddingInputCountMax else {
            throw .invalid(
                name,
                "'\(name)' has \(values.count) texts, but may have at most \(APILimits.embeddingInputCountMax).",
                code: "array_above_max_length")
        }
        var inputs: [(input: Input, param: String)] = []
        for (index, element) in values.enumerated() {
            let param = "\(name)[\(index)]"
            switch element {
            case .string(let text): inputs.append((.text(text), param))
            case .array(let ids):
                let tokens = try TokenIDs.read(ids, path: param, vocabularyCount: vocabularyCount)
                inputs.append((.tokens(tokens), param))
            default: throw .wrongType(param, element, "a string or an array of token ids")
            }
        }
        return inputs
    }

    /// What is embedded: the tokens, cut where the request says so.
    func tokens(_ embedder: ServedEmbedder) -> [EmbeddingInput] {
        inputs.map { input, param in
            var tokens: [TokenID] =
                switch input {
                case .text(let text): embedder.tokens(of: text)
                case .tokens(let tokens): tokens
                }
            if let truncation {
                tokens = embedder.truncated(tokens, to: truncation < 0 ? .max : truncation)
            }
            return EmbeddingInput(tokens: tokens, param: param)
        }
    }
}
