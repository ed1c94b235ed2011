import JSON

/// `POST /v1/embeddings`: its body, validated.
struct EmbeddingRequest: Sendable {
    enum Encoding: String, CaseIterable {
        case float
        /// Of little-endian 32-bit floats.
        case base64
    }

    /// What is embedded, and the field that it stands in.
    var inputs: [TextPrompt]
    private var inputName: String
    var model: String?
    var encoding = Encoding.float
    /// Numbers of an embedding, fewer than the model's; nil for all.
    var dimensions: Int?
    /// Longer inputs are cut to so many tokens; -1 to what the model takes.
    var truncation: Int?
    var urgency: Urgency
    var ignored = IgnoredFields()

    init(_ body: JSONObject, _ embedder: ServedEmbedder) throws(APIError) {
        var fields = RequestFields(body)
        // Read before, to find the embedder.
        model = try fields.string("model")
        // llama-server's name.
        inputName = fields.peek("input") == nil && fields.peek("content") != nil ? "content" : "input"
        inputs = try TextPrompt.list(
            inputName, &fields, countMax: APILimits.embeddingInputCountMax,
            vocabularyCount: embedder.engine.vocabularyCount)
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
        urgency = try Urgency(reading: &fields)
        // What happens anyway is not worth a word.
        for name in ["normalize", "add_special_tokens"] { fields.takeIf(name) { $0.bool == true } }
        for name in ["embd_normalize"] { fields.takeIf(name) { $0.int == 2 } }
        ignored = try fields.ignored()
    }

    /// What is embedded: the tokens, cut where the request says so.
    func tokens(_ embedder: ServedEmbedder) -> [EmbeddingInput] {
        inputs.enumerated().map { index, input in
            var tokens = input.encoded(embedder.tokenizer, isFirst: true)
            if let truncation {
                tokens = embedder.truncated(tokens, to: truncation < 0 ? .max : truncation)
            }
            let param = inputs.count == 1 ? inputName : "\(inputName)[\(index)]"
            return EmbeddingInput(tokens: tokens, param: param)
        }
    }
}
