import Engine
import JSON
import ModelFiles
import Tokenization

/// The fields that speak of tokens, by id or by text. Only a vocabulary gives them a meaning.
struct TokenFields: Sendable {
    /// llama-server's breakers.
    static let dryBreakersUsual = ["\n", ":", "\"", "*"]

    /// `stop_token_ids`
    var stopTokens: [TokenID] = []
    /// `allowed_token_ids`; nil is all.
    var allowedTokens: [TokenID]?
    /// `bad_words`
    var badWords: [String] = []
    /// `dry_sequence_breakers`
    var dryBreakers = dryBreakersUsual
    /// `logit_bias` by id, and by text: of each of its tokens.
    var bias: [TokenID: Float] = [:]
    var textBias: [(text: String, bias: Float)] = []

    init() {}

    init(reading fields: inout RequestFields) throws(APIError) {
        stopTokens = try Self.ids("stop_token_ids", &fields, max: APILimits.stopTokenCountMax) ?? []
        allowedTokens = try Self.ids("allowed_token_ids", &fields, max: APILimits.allowedTokenCountMax)
        if let allowedTokens, allowedTokens.isEmpty {
            throw .invalid(
                "allowed_token_ids", "'allowed_token_ids' is empty, but must have at least one token.",
                code: "invalid_value")
        }
        badWords =
            try Self.texts(
                "bad_words", &fields, max: APILimits.badWordCountMax, bytes: APILimits.badWordBytesMax) ?? []
        if let breakers = try Self.texts(
            "dry_sequence_breakers", &fields, max: APILimits.dryBreakerCountMax,
            bytes: APILimits.dryBreakerBytesMax)
        {
            guard !breakers.isEmpty else {
                throw .invalid(
                    "dry_sequence_breakers",
                    "'dry_sequence_breakers' is empty, but must have at least one string.",
                    code: "invalid_value")
            }
            dryBreakers = breakers
        }
        try readBias(&fields)
    }

    /// Puts them into a request.
    func apply(to request: inout GenerationRequest, _ model: ServedModel) throws(APIError) {
        let count = model.engine.vocabularyCount
        try Self.check("stop_token_ids", stopTokens, count)
        try Self.check("allowed_token_ids", allowedTokens ?? [], count)
        try Self.check("logit_bias", bias.keys.sorted(), count)
        request.stopTokens.formUnion(stopTokens)
        request.sampling.allowedTokens = allowedTokens.map { Set($0).sorted() }
        request.bannedSequences = badWords.flatMap { Self.spellings(of: $0, model.tokenizer) }
        request.sampling.logitBias.merge(bias) { $1 }
        for (text, bias) in textBias {
            for token in model.tokenizer.encode(text, addSpecial: false, parseSpecial: false) {
                request.sampling.logitBias[token] = bias
            }
        }
        if request.sampling.dry.isOn {
            request.sampling.dry.breakers = model.sequenceBreakers.of(dryBreakers)
        }
    }

    /// A word as a text may have it: behind a space and without one.
    private static func spellings(of word: String, _ tokenizer: Tokenizer) -> [[TokenID]] {
        let bare = word.drop { $0 == " " }
        let spellings = [String(bare), " " + bare].map {
            tokenizer.encode($0, addSpecial: false, parseSpecial: false)
        }
        return Array(Set(spellings.filter { !$0.isEmpty }))
    }

    private static func check(_ name: String, _ tokens: [TokenID], _ vocabularyCount: Int) throws(APIError) {
        guard let token = tokens.first(where: { $0 >= vocabularyCount }) else { return }
        throw .invalid(
            name, "'\(name)' has token \(token), but token ids lie between 0 and \(vocabularyCount - 1).",
            code: "invalid_value")
    }

    // MARK: - Lists

    private static func ids(_ name: String, _ fields: inout RequestFields, max countMax: Int)
        throws(APIError) -> [TokenID]?
    {
        guard let values = try list(name, &fields, max: countMax) else { return nil }
        var ids: [TokenID] = []
        for (index, value) in values.enumerated() {
            guard let number = value.int else {
                throw .wrongType("\(name)[\(index)]", value, "a token id")
            }
            guard let id = TokenID(exactly: number), id >= 0 else {
                throw .invalid(
                    "\(name)[\(index)]", "'\(name)[\(index)]' is \(number), which is no token id.",
                    code: "invalid_value")
            }
            ids.append(id)
        }
        return ids
    }

    private static func texts(
        _ name: String, _ fields: inout RequestFields, max countMax: Int, bytes bytesMax: Int
    )
        throws(APIError) -> [String]?
    {
        guard let values = try list(name, &fields, max: countMax) else { return nil }
        var texts: [String] = []
        for (index, value) in values.enumerated() {
            let path = "\(name)[\(index)]"
            guard let text = value.string else { throw .wrongType(path, value, "a string") }
            guard (1...bytesMax).contains(text.utf8.count) else {
                throw .invalid(
                    path, "'\(path)' has \(text.utf8.count) bytes, but must have 1 to \(bytesMax).",
                    code: "invalid_value")
            }
            texts.append(text)
        }
        return texts
    }

    private static func list(_ name: String, _ fields: inout RequestFields, max countMax: Int)
        throws(APIError) -> [JSONValue]?
    {
        guard let values = try fields.array(name) else { return nil }
        guard values.count <= countMax else {
            throw .invalid(
                name, "'\(name)' has \(values.count) elements, but may have at most \(countMax).",
                code: "array_above_max_length")
        }
        return values
    }

    // MARK: - Bias

    /// `logit_bias`: OpenAI's object from ids to numbers, or llama-server's array of pairs; in both a text stands for
    /// its tokens, and `false` for a ban.
    private mutating func readBias(_ fields: inout RequestFields) throws(APIError) {
        guard let value = fields.take("logit_bias") else { return }
        let entries: [(path: String, name: JSONValue, bias: JSONValue)]
        switch value {
        case .object(let object):
            entries = object.map { ("logit_bias.\($0.key)", .string($0.key), $0.value) }
        case .array(let pairs):
            var read: [(path: String, name: JSONValue, bias: JSONValue)] = []
            for (index, pair) in pairs.enumerated() {
                guard let members = pair.array, members.count == 2 else {
                    throw .wrongType("logit_bias[\(index)]", pair, "a pair of a token and a number")
                }
                read.append(("logit_bias[\(index)]", members[0], members[1]))
            }
            entries = read
        default:
            throw fields.wrongType(
                "logit_bias", value, "an object from tokens to numbers, or an array of pairs")
        }
        guard entries.count <= APILimits.logitBiasCountMax else {
            throw .invalid(
                "logit_bias",
                "'logit_bias' has \(entries.count) tokens, but may have at most \(APILimits.logitBiasCountMax).",
                code: "invalid_value")
        }
        for (path, name, bias) in entries { try addBias(path, name, try Self.bias(bias, path)) }
    }

    private mutating func addBias(_ path: String, _ name: JSONValue, _ bias: Float) throws(APIError) {
        switch name {
        case .int, .number:
            guard let number = name.int, let token = TokenID(exactly: number), token >= 0 else {
                throw Self.noToken(path)
            }
            self.bias[token] = bias
        case .string(let text):
            // A number is an id, too large a one included.
            guard let number = Int64(text) else {
                guard (1...APILimits.biasTextBytesMax).contains(text.utf8.count) else {
                    throw Self.noToken(path)
                }
                textBias.append((text, bias))
                return
            }
            guard let token = TokenID(exactly: number), token >= 0 else { throw Self.noToken(path) }
            self.bias[token] = bias
        default: throw .wrongType(path, name, "a token id or a text")
        }
    }

    private static func bias(_ value: JSONValue, _ path: String) throws(APIError) -> Float {
        if value.bool == false { return -.infinity }
        guard let number = value.double else {
            throw .wrongType(path, value, "a number between -100 and 100, or false")
        }
        guard (-100...100).contains(number) else {
            throw .invalid(
                path, "'\(path)' is \(number), but must lie between -100 and 100.", code: "invalid_value")
        }
        return Float(number)
    }

    private static func noToken(_ path: String) -> APIError {
        .invalid(
            path,
            "'\(path)' names no token: it must be an id or a text of 1 to \(APILimits.biasTextBytesMax) bytes.",
            code: "invalid_value")
    }
}
