import ModelFiles

extension TokenizerSource {
    /// Reads the `tokenizer.*` keys of a GGUF file.
    init(_ metadata: GGUFMetadata) throws(TokenizerError) {
        do {
            try self.init(reading: metadata)
        } catch {
            throw .metadata(error)
        }
    }

    private init(reading metadata: GGUFMetadata) throws(ModelFileError) {
        model = try metadata.string("tokenizer.ggml.model")
        preTokenizer = try metadata.optionalString("tokenizer.ggml.pre") ?? ""
        modelName = try metadata.optionalString("general.name") ?? ""
        tokens = FlatStrings(try metadata.strings("tokenizer.ggml.tokens"))
        scores = try metadata.optionalNumbers("tokenizer.ggml.scores")?.map { Float($0) } ?? []
        kinds = try metadata.optionalIntegers("tokenizer.ggml.token_type")?.map(TokenKind.init(number:)) ?? []
        merges =
            try metadata.optionalStrings("tokenizer.ggml.merges").map { FlatStrings($0) } ?? FlatStrings()
        bos = try Self.token("bos", metadata)
        if bos == nil { bos = try Self.token("cls", metadata) }
        eos = try Self.token("eos", metadata)
        unknown = try Self.token("unknown", metadata)
        separator = try Self.token("seperator", metadata)
        for name in ["eot", "eom", "fim_pad", "fim_rep", "fim_sep"] {
            if let token = try Self.token(name, metadata) { otherEnds.append(token) }
        }
        // The newer key, then the older one.
        for (place, names) in [("fim_pre", "prefix"), ("fim_suf", "suffix"), ("fim_mid", "middle")]
            .enumerated()
        {
            let older = try Self.token(names.1, metadata)
            fillInMiddle[place] = try Self.token(names.0, metadata) ?? older
        }
        addsBOS = try metadata.optionalBool("tokenizer.ggml.add_bos_token")
        addsEOS = try metadata.optionalBool("tokenizer.ggml.add_eos_token")
        lowercases = try metadata.optionalBool("tokenizer.ggml.normalizer.lowercase") ?? true
        stripsAccents = try metadata.optionalBool("tokenizer.ggml.normalizer.strip_accents") ?? lowercases
        addsSpacePrefix = try metadata.optionalBool("tokenizer.ggml.add_space_prefix")
    }

    /// A number that no token can have becomes the largest id, which no vocabulary has either.
    private static func token(_ name: String, _ metadata: GGUFMetadata) throws(ModelFileError) -> TokenID? {
        try metadata.optionalInteger("tokenizer.ggml.\(name)_token_id").map { TokenID(clamping: $0) }
    }
}

extension FlatStrings {
    init(_ strings: ByteStrings) {
        self.init()
        reserve(strings: strings.count, bytes: 0)
        for index in 0..<strings.count {
            strings.withBytes(at: index) { append($0.bindMemory(to: UInt8.self)) }
        }
    }
}
